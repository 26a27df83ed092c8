"""A patient's calendar by its secret address: made, read by another's parser, taken back."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from icalendar import Calendar

from adapters.postgres.removing_patients import Merge, erase, merge
from api.routes import calendar_pages
from domain.actors import ActorRef, Role
from tests.clinic_rows import Clinic, at
from tests.integration.browsers import at_a_browser

MANAGER = ActorRef(id=str(uuid4()), role=Role.MANAGER)


@dataclass(frozen=True, kw_only=True)
class Subscriber:
    """A patient at a browser, and the calendar of the same person."""

    http: httpx.AsyncClient
    clinic: Clinic
    patient: UUID

    async def makes_link(self) -> str:
        answer = await self.http.post("/visits/calendar")
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        page = unescape(answer.text)
        [address] = re.findall(r'<code class="address">([^<]+)</code>', page)
        assert f'href="webcal://{urlsplit(address).netloc}' in page
        return str(urlsplit(address).path)

    async def reads(self, path: str, status: int = 200) -> httpx.Response:
        """As a calendar does: no cookie, no sign-in."""
        async with httpx.AsyncClient(base_url=self.http.base_url, timeout=20) as calendar:
            answer = await calendar.get(path)
        assert answer.status_code == status, answer.text
        return answer


@pytest.fixture
async def subscriber(api: str, clinic: Clinic) -> AsyncIterator[Subscriber]:
    patient = await clinic.patient()
    await clinic.execute(
        "UPDATE patients SET email = :mail WHERE id = :id",
        mail=f"{patient.hex}@example.org",
        id=patient,
    )
    root = api.removesuffix("/api/v1")
    async with httpx.AsyncClient(
        base_url=root,
        timeout=20,
        headers={"accept": "text/html", "accept-language": "en", "origin": root},
        cookies={"patient": str(patient)},
    ) as http:
        yield Subscriber(http=http, clinic=clinic, patient=patient)


async def test_a_calendar_shows_what_stands_with_the_uids_of_the_letters(
    subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there is more than one statement reads."""
    monkeypatch.setattr(calendar_pages, "AT_ONCE", 1)
    clinic, patient = subscriber.clinic, subscriber.patient
    first = await clinic.book(at("09:00"), patient_id=patient)
    second = await clinic.book(at("10:00"), patient_id=patient)
    await clinic.execute(
        "UPDATE schedules SET starts_at = :start, ends_at = :end WHERE id = :id",
        id=second,
        start=at("10:30"),
        end=at("11:00"),
    )
    await clinic.becomes(await clinic.book(at("09:30"), patient_id=patient), "cancelled")
    await clinic.hold(at("10:00"), patient_id=patient)

    answer = await subscriber.reads(await subscriber.makes_link())

    calendar = Calendar.from_ical(answer.content)
    events = {str(each["UID"]): each for each in calendar.walk("VEVENT")}
    assert answer.headers["content-type"].startswith("text/calendar")
    assert answer.headers["cache-control"] == "no-store"
    assert str(calendar["X-WR-CALNAME"]) == "Appointments"
    assert calendar.decoded("REFRESH-INTERVAL") == timedelta(hours=1)
    assert set(events) == {f"{first}@priyom", f"{second}@priyom"}
    moved = events[f"{second}@priyom"]
    assert moved["SEQUENCE"] == 3
    assert moved.decoded("DTSTART") == at("10:30")
    assert moved.decoded("DTSTAMP") > datetime(2026, 1, 1, tzinfo=UTC)
    assert f"/visits/{second}" in str(moved["DESCRIPTION"])
    assert "METHOD" not in calendar


async def test_a_calendar_that_has_not_changed_is_not_sent_again(subscriber: Subscriber) -> None:
    await subscriber.clinic.book(at("09:00"), patient_id=subscriber.patient)
    path = await subscriber.makes_link()
    tag = (await subscriber.reads(path)).headers["etag"]

    same = await subscriber.http.get(path, headers={"if-none-match": tag})
    await subscriber.clinic.book(at("10:00"), patient_id=subscriber.patient)
    other = await subscriber.http.get(path, headers={"if-none-match": tag})

    assert (same.status_code, same.content) == (304, b"")
    assert other.status_code == 200


async def test_a_link_is_shown_once_and_a_new_one_takes_its_place(subscriber: Subscriber) -> None:
    before = (await subscriber.http.get("/visits")).text
    old = await subscriber.makes_link()
    after = (await subscriber.http.get("/visits")).text
    new = await subscriber.makes_link()

    assert "Make a calendar link" in before
    assert "You made one on" in after
    assert old not in after
    await subscriber.reads(old, status=404)
    await subscriber.reads(new)


async def test_a_link_that_was_turned_off_leads_nowhere(subscriber: Subscriber) -> None:
    path = await subscriber.makes_link()

    answer = await subscriber.http.post("/visits/calendar/revoke")

    assert answer.headers["location"] == "/visits"
    await subscriber.reads(path, status=404)
    assert "Make a calendar link" in (await subscriber.http.get("/visits")).text


async def test_the_table_has_no_token(subscriber: Subscriber) -> None:
    token = (await subscriber.makes_link()).removeprefix("/calendar/").removesuffix(".ics")

    async with subscriber.clinic.database.connect() as connection:
        found = await connection.exec_driver_sql(
            "SELECT token_hash FROM calendar_feeds WHERE patient_id = %s", (subscriber.patient,)
        )
        kept = bytes(found.scalar_one())

    assert len(kept) == 32
    assert token.encode() not in kept


async def test_a_link_goes_with_the_patient(subscriber: Subscriber) -> None:
    path = await subscriber.makes_link()

    await erase(subscriber.clinic.database, subscriber.patient, MANAGER)

    await subscriber.reads(path, status=404)


async def test_a_link_goes_over_to_the_record_that_stays(subscriber: Subscriber) -> None:
    kept = await subscriber.clinic.patient()
    visit = await subscriber.clinic.book(at("09:00"), patient_id=kept)
    path = await subscriber.makes_link()

    await merge(
        subscriber.clinic.database, Merge(patient_id=subscriber.patient, into=kept), MANAGER
    )

    assert f"{visit}@priyom" in (await subscriber.reads(path)).text


async def test_a_proxy_makes_no_link_of_whom_they_act_for(
    clinic: Clinic, signed_in_api: str, cache_url: str
) -> None:
    """The right may end; the link would stay."""
    child, subject = await clinic.patient(), uuid4().hex
    await clinic.execute(
        "INSERT INTO proxies (id, patient_id, subject) VALUES (:id, :child, :subject)",
        id=uuid4(),
        child=child,
        subject=subject,
    )
    async with at_a_browser(signed_in_api, cache_url, subject) as http:
        page = await http.get("/visits")
        codes = [
            (await http.post(f"/visits/calendar{path}")).status_code for path in ("", "/revoke")
        ]

    assert page.status_code == 200
    assert "calendar link" not in page.text
    assert codes == [404, 404]
