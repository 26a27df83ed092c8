"""The desks' pages as they come from the server: rows of times, and what is told of a visit."""

import re
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest

from adapters.postgres.clinic_rules import write_rules
from adapters.postgres.database import Database
from domain.actors import ActorRef, Role
from domain.clinic_rules import ClinicRules
from domain.durations import parse_duration
from tests.clinic_rows import DAY, Clinic, at, open_clinic
from tests.fakes.issuer import FakeIssuer

MOSCOW = ZoneInfo("Europe/Moscow")


@pytest.fixture
def root(api: str) -> str:
    return api.removesuffix("/api/v1")


async def shown(url: str) -> str:
    async with httpx.AsyncClient(headers={"accept": "text/html"}, timeout=20) as http:
        answer = await http.get(url)
    assert answer.status_code == 200, url
    return answer.text.replace("&amp;", "&")


async def named_patient(clinic: Clinic) -> UUID:
    patient_id = uuid4()
    await clinic.execute(
        "INSERT INTO patients (id, full_name, phone, email) VALUES (:id, 'Ada Byron', '+7', :mail)",
        id=patient_id,
        mail=f"{patient_id.hex}@example.org",
    )
    return patient_id


async def test_times_of_several_doctors_stand_in_rows(clinic: Clinic, root: str) -> None:
    other = await clinic.hire()
    await clinic.on_duty(at("10:00"), at("11:00"), doctor_id=other)
    patient = await named_patient(clinic)
    booked = await clinic.hold(at("10:00"), patient_id=patient)

    page = await shown(f"{root}/reception?clinic={clinic.id}&date={DAY}&patient={patient}")

    rows = re.findall(r'<th scope="row"><time class="figures"[^>]*>([0-9:]+)', page)
    assert rows == ["09:00", "09:30", "10:00", "10:30"]
    assert f'href="/reception/visits/{booked}"' in page
    assert f'formaction="/reception/book/{other}"' in page


@pytest.mark.parametrize("is_booked", [True, False])
async def test_a_doctors_day_has_a_place_that_is_now_whatever_the_minute(
    is_booked: bool,  # noqa: FBT001 - the case
    clinic: Clinic,
    root: str,
) -> None:
    """Also where nobody has the time that has just begun: it is not listed any more."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    await clinic.execute(
        "UPDATE clinics SET time_zone = :noon WHERE id = :id",
        noon=f"Etc/GMT{now.hour - 12:+d}",
        id=clinic.id,
    )
    begun, follows = now - timedelta(minutes=10), now + timedelta(minutes=20)
    await clinic.on_duty(begun, begun + timedelta(hours=2))
    if is_booked:
        await clinic.becomes(await clinic.hold(begun), "confirmed")

    page = await shown(f"{root}/doctor/{clinic.doctor_id}")

    [opens_at] = re.findall(r'<li id="now" data-now data-piece="([^"]+)"', page)
    assert datetime.fromisoformat(opens_at) == (begun if is_booked else follows)


async def test_a_reference_leads_to_its_appointment_and_tells_what_to_read_out(
    clinic: Clinic, root: str
) -> None:
    patient = await named_patient(clinic)
    booked = await clinic.hold(at("10:00"), patient_id=patient)
    await clinic.becomes(booked, "confirmed")

    found = await shown(f"{root}/reception?q={str(booked)[:8].upper()}")
    page = await shown(f"{root}/reception/visits/{booked}?note=changed")
    told = await shown(f"{root}/reception?clinic={clinic.id}&note=booked&about={booked}")

    assert f'href="/reception/visits/{booked}"' in found
    code = str(booked)[:8].upper()
    assert "Ada Byron" in page
    assert f"Your booking reference is {code[:4]} {code[4:]}." in page
    assert "was changed elsewhere" in page
    assert "Booked: Ada Byron" in told
    assert "Undo: it was a mistake" in told


async def test_cells_that_are_pasted_from_a_table_are_looked_for(clinic: Clinic, root: str) -> None:
    patient = await named_patient(clinic)
    booked = await clinic.book(at("10:00"), patient_id=patient)
    pasted = "q=%09Ada%09Byron%09"

    page = await shown(f"{root}/reception?{pasted}")
    places = (
        "/ops/bookings",
        f"/reception/patients/{patient}",
        f"/reception/visits/{booked}/exchange",
    )
    for place in places:
        await shown(f"{root}{place}?{pasted}")

    assert 'name="q" value="Ada Byron"' in page
    assert "Ada Byron</bdi>" in page


async def test_an_appointment_that_is_not_there_has_no_page(root: str) -> None:
    async with httpx.AsyncClient(headers={"accept": "text/html"}, timeout=20) as http:
        answer = await http.get(f"{root}/reception/visits/{uuid4()}")

    assert answer.status_code == 404


async def test_the_desk_remembers_its_clinic(clinic: Clinic, root: str) -> None:
    async with httpx.AsyncClient(
        base_url=root, headers={"accept": "text/html"}, timeout=20
    ) as http:
        await http.get(f"/reception?clinic={clinic.id}")
        again = (await http.get("/reception")).text

    assert f'<option value="{clinic.id}" selected>' in again


async def test_a_doctors_day_follows_one_stream(clinic: Clinic, root: str) -> None:
    page = await shown(f"{root}/doctor/{clinic.doctor_id}?date={DAY}")

    assert f"/doctor/{clinic.doctor_id}/stream?date={DAY}" in page
    assert "notifications/stream" not in page


FOUND = re.compile(
    r'<a class="slot" href="/reception\?clinic=([0-9a-f-]{36})&date=([0-9-]{10})[^>]*>[^<]* (\d\d):'
)


async def a_week(clinic: Clinic, specialty: str) -> None:
    """From tomorrow on eight to twenty by the clock of Moscow, for seven days."""
    await clinic.execute(
        "UPDATE doctors SET specialty = :s WHERE id = :id", s=specialty, id=clinic.doctor_id
    )
    today = datetime.now(MOSCOW).replace(hour=8, minute=0, second=0, microsecond=0)
    for ahead in range(1, 8):
        begins = (today + timedelta(days=ahead)).astimezone(UTC)
        await clinic.on_duty(begins, begins + timedelta(hours=12))


async def test_a_time_of_any_doctor_is_found_by_weekday_and_part_of_the_day_over_clinics(
    clinic_database: Database, root: str
) -> None:
    places = [await open_clinic(clinic_database) for _ in range(3)]
    specialty = uuid4().hex
    for each in places:
        await a_week(each, specialty)
    wish = f"{root}/reception/times?asked=1&specialty={specialty}&weekday=4&part=afternoon"

    first = await shown(f"{wish}&clinic=")
    [later] = re.findall(r'href="(/reception/times[^"]*cursor=[^"]*)"', first)
    everywhere = first + await shown(root + later)
    here = await shown(f"{wish}&clinic={places[0].id}")

    found = FOUND.findall(everywhere)
    assert len(found) == 3 * 10
    assert {UUID(clinic) for clinic, _, _ in found} == {each.id for each in places}
    assert {date.fromisoformat(day).isoweekday() for _, day, _ in found} == {4}
    assert {int(hour) for _, _, hour in found} == set(range(12, 17))
    assert {UUID(clinic) for clinic, _, _ in FOUND.findall(here)} == {places[0].id}


async def test_a_time_is_found_in_the_clinics_of_the_caller_alone(
    clinic_database: Database, signed_in_api: str, issuer: FakeIssuer
) -> None:
    own, other = [await open_clinic(clinic_database) for _ in range(2)]
    specialty = uuid4().hex
    for each in (own, other):
        await a_week(each, specialty)
    token = issuer.token("e1", roles=["reception"], clinic_ids=[str(own.id)])
    page = signed_in_api.removesuffix("/api/v1") + f"/reception/times?specialty={specialty}&asked=1"

    async with httpx.AsyncClient(headers={"authorization": f"Bearer {token}"}, timeout=20) as http:
        everywhere = await http.get(page)
        foreign = await http.get(f"{page}&clinic={other.id}")

    found = FOUND.findall(everywhere.text.replace("&amp;", "&"))
    assert {UUID(clinic) for clinic, _, _ in found} == {own.id}
    assert foreign.status_code == 403


async def test_a_found_time_is_booked_for_the_patient_that_was_chosen(
    clinic: Clinic, root: str
) -> None:
    specialty, patient = uuid4().hex, await named_patient(clinic)
    await a_week(clinic, specialty)

    page = await shown(f"{root}/reception/times?asked=1&specialty={specialty}&patient={patient}")

    assert f'action="/reception/book/{clinic.doctor_id}"' in page
    assert f'name="patient" value="{patient}"' in page
    assert "book for Ada Byron" in page


async def test_a_search_that_finds_no_time_says_so(root: str) -> None:
    page = await shown(f"{root}/reception/times?asked=1&specialty={uuid4().hex}")

    assert "No times match in the next 90 days" in page


async def test_the_reception_marks_what_may_be_marked(clinic: Clinic, root: str) -> None:
    now = datetime.now(UTC)
    await clinic.on_duty(now - timedelta(hours=2), now + timedelta(hours=2))
    begun = await clinic.book(now - timedelta(minutes=5))
    ahead = await clinic.book(at("09:00"))
    path = f"{root}/reception/visits/{begun}"
    form = {"mark": "undo-attendance"}
    origin = {"origin": root, "accept": "text/html"}

    before = await shown(path)
    too_early = await shown(f"{root}/reception/visits/{ahead}")
    async with httpx.AsyncClient(headers=origin, timeout=20) as http:
        refused = await http.post(f"{path}/attendance?version=2", data=form)
        unanswered = await http.post(
            f"{path}/attendance?version=2",
            data={"mark": "arrive", "back": "/doctor/1?date=2030-01-14"},
        )
        unknown = await http.post(
            f"{root}/reception/visits/{uuid4()}/attendance?version=2", data=form
        )
    await clinic.becomes(begun, "no_show")
    after = await shown(path)

    assert re.findall(r'name="mark" value="([^"]+)"', before) == ["arrive", "complete", "no-show"]
    assert 'name="mark"' not in too_early
    assert refused.headers["location"].endswith("?note=wrong_state")
    assert unanswered.headers["location"] == "/doctor/1?date=2030-01-14&note=unavailable"
    assert unknown.status_code == 404
    assert re.findall(r'name="mark" value="([^"]+)"', after) == ["undo-attendance"]


async def test_the_reception_books_against_a_rule_with_a_reason(clinic: Clinic, root: str) -> None:
    patient = await named_patient(clinic)
    rules = ClinicRules(horizon=parse_duration("P1D"))
    await write_rules(clinic.database, clinic.id, rules, ActorRef(id="m", role=Role.MANAGER))
    back = f"/reception?clinic={clinic.id}&date={DAY}&patient={patient}"
    form = {"patient": str(patient), "at": at("09:00").isoformat(), "back": back}
    book, origin = f"{root}/reception/book/{clinic.doctor_id}", {"origin": root}

    async with httpx.AsyncClient(headers=origin, timeout=20) as http:
        stopped = await http.post(book, data=form)
        passed = await http.post(book, data=form | {"reason": "other"})
    page = await shown(root + stopped.headers["location"])

    assert "note=rule" in stopped.headers["location"]
    assert "A rule of the clinic does not allow this booking." in page
    assert re.findall(r'name="at" value="([^"]+)">Book it all the same', page) == [
        "2030-01-14T06:00:00Z"
    ]
    assert "note=pending" in passed.headers["location"]  # no rule stopped it; nobody runs it here
