"""An offer that was taken: its id answers for the visit that went there, in every call and page."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from domain.booking import Appointment
from tests.clinic_rows import Clinic, at
from tests.integration.test_link_pages import form_of, link_of
from tests.integration.test_offers import on_leave

pytestmark = pytest.mark.unmeasured


@dataclass(frozen=True, kw_only=True)
class Offered:
    """A patient at a browser, whose visit at nine the clinic offers another time."""

    http: httpx.AsyncClient
    clinic: Clinic
    offer: Appointment
    visit: UUID

    @property
    def offer_id(self) -> UUID:
        return self.offer.appointment_id

    async def shown(self, path: str) -> str:
        answer = await self.http.get(path, follow_redirects=True)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def sent(self, path: str, **form: object) -> str:
        """Where the form leads."""
        answer = await self.http.post(path, data={name: str(each) for name, each in form.items()})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def call(self, word: str, **body: object) -> httpx.Response:
        return await self.http.post(f"/api/v1/appointments/{self.offer_id}/{word}", json=body)

    async def known(self, appointment_id: UUID) -> dict[str, Any]:
        found = await self.http.get(f"/api/v1/appointments/{appointment_id}")
        told: dict[str, Any] = found.json()
        return told

    @property
    def link(self) -> str:
        """Of the letter that offers it."""
        return link_of(self.offer_id, version=1)

    async def takes(self) -> None:
        taken = await self.call("confirm")
        assert taken.json()["appointmentId"] == str(self.visit), taken.text


@pytest.fixture
async def offered(finishing_api: str, clinic: Clinic) -> AsyncIterator[Offered]:
    leave = await on_leave(clinic)
    offer = (await leave.offered()).offer
    await clinic.execute(
        "UPDATE patients SET email = :mail WHERE id = :id",
        mail=f"{offer.patient_id.hex}@example.org",
        id=offer.patient_id,
    )
    async with httpx.AsyncClient(
        base_url=finishing_api,
        timeout=20,
        headers={"accept": "text/html", "accept-language": "en", "origin": finishing_api},
        cookies={"patient": str(offer.patient_id)},
    ) as http:
        yield Offered(http=http, clinic=clinic, offer=offer, visit=leave.visit_id)


async def test_an_offer_that_is_held_shows_no_extension_that_would_be_refused(
    offered: Offered,
) -> None:
    page = await offered.shown(f"/visits/{offered.offer_id}")

    assert "Accept this time" in page
    assert 'id="extend"' not in page
    assert (await offered.known(offered.offer_id))["extensionsLeft"] == 0


async def test_an_offer_is_shown_with_the_time_that_it_is_to_replace_and_no_clock_of_minutes(
    offered: Offered,
) -> None:
    page = await offered.shown(f"/visits/{offered.offer_id}")
    listed = await offered.shown("/visits")
    home = await offered.shown("/")

    assert '<h1 data-focus class="is-held">We offer you another time</h1>' in page
    assert "<dt>Old time</dt>" in page
    assert "Monday, 14 January, 09:00" in page
    assert "If you do not answer, the clinic calls you." in page
    assert "data-lasts" not in page
    assert f'href="/visits/{offered.visit}"' in page
    assert "Until then your old appointment stays." in listed
    assert "to confirm it" not in listed
    assert "We offer you another time:" in home


async def test_reception_that_is_told_the_code_of_an_offer_is_led_to_the_appointment(
    offered: Offered,
) -> None:
    place = f"/reception/visits/{offered.offer_id}"
    appointment = f'<a href="/reception/visits/{offered.visit}">Open the appointment</a>'

    open_one = await offered.shown(place)
    await offered.takes()
    taken = await offered.shown(place)
    itself = await offered.shown(f"/reception/visits/{offered.visit}")

    assert appointment in open_one
    assert appointment in taken
    assert "Book the same patient again" not in taken
    assert "has offered in the place of another" not in itself


@pytest.mark.parametrize("is_declined", [True, False])
async def test_whose_offer_is_over_is_not_told_that_the_appointment_is(
    offered: Offered, *, is_declined: bool
) -> None:
    place = f"/visits/{offered.offer_id}"
    if is_declined:
        await offered.sent(f"{place}/give-up", version=1)
    else:
        await offered.clinic.becomes(offered.offer_id, "expired")

    page = await offered.shown(place)
    listed = await offered.shown("/visits")

    assert "This offer is over" in page
    for untrue in ("is cancelled", "need to attend", "do not have an appointment", "run out"):
        assert untrue not in page
    assert f'href="/visits/{offered.visit}"' in page
    assert "Offer that is over" in listed
    assert "Cancelled</span>" not in listed
    assert (await offered.known(offered.visit))["status"] == "confirmed"


async def test_who_accepts_an_offer_that_was_declined_reads_that_the_offer_is_over(
    offered: Offered,
) -> None:
    place = f"/visits/{offered.offer_id}"
    by_link = {"action": "accept"} | await form_of(offered.http, offered.link)
    await offered.sent(f"{place}/give-up", version=1)

    page = await offered.shown(await offered.sent(f"{place}/confirm"))
    behind_link = (await offered.http.post(offered.link, data=by_link)).text
    told_later = await offered.shown(f"{offered.link}?said=already_cancelled")

    for each in (page, behind_link, told_later):
        assert "This offer is over" in each
        assert "appointment had already been cancelled" not in each
    for each in (page, told_later):
        assert "This offer was already over. Nothing was changed." in each
    assert "Nothing was changed." in behind_link
    assert (await offered.known(offered.visit))["status"] == "confirmed"


async def test_who_accepts_by_the_link_twice_is_led_to_the_visit_both_times(
    offered: Offered,
) -> None:
    form = {"action": "accept"} | await form_of(offered.http, offered.link)

    first = await offered.sent(offered.link, **form)
    second = await offered.sent(offered.link, **form)
    page = await offered.shown(second)

    assert second == first
    assert "Your appointment is moved." in page
    assert "10:00" in page
    assert "Choose another time" in page


async def test_who_declined_and_accepts_by_the_link_is_not_told_of_a_move(
    offered: Offered,
) -> None:
    form = {"action": "accept"} | await form_of(offered.http, offered.link)
    await offered.call("cancel")

    answer = await offered.http.post(offered.link, data=form)

    assert answer.status_code == 409
    assert "This offer is over" in answer.text
    assert "is moved" not in answer.text


async def test_who_cannot_have_what_is_offered_still_reads_what_silence_leads_to(
    offered: Offered,
) -> None:
    form = {"action": "accept"} | await form_of(offered.http, offered.link)
    await offered.clinic.execute(
        "UPDATE shifts SET state = 'closing' WHERE doctor_id = :id", id=offered.clinic.doctor_id
    )

    answer = await offered.http.post(offered.link, data=form)

    assert answer.status_code == 409
    assert "That time has just gone. Your old time is kept." in answer.text
    assert "If you do not answer, the clinic calls you." in answer.text


async def test_a_taken_offers_page_leads_to_the_visit_whose_buttons_work(
    offered: Offered,
) -> None:
    place = f"/visits/{offered.offer_id}"
    await offered.sent(f"{place}/confirm")

    answer = await offered.http.get(f"{place}?note=unavailable")
    page = await offered.shown(place)
    calendar = await offered.shown(f"{place}/visit.ics")
    times = await offered.shown(f"{place}/move")
    once_more = await offered.shown(
        f"{place}/move/to?doctor={offered.clinic.doctor_id}&at=2030-01-14T07:30:00Z"
    )

    assert answer.headers["location"] == f"/visits/{offered.visit}?note=unavailable"
    assert f'action="/visits/{offered.visit}/cancel"' in page
    assert f"UID:{offered.visit}" in calendar
    assert "Your time now: Monday, 14 January, 10:00" in times
    assert f'action="/visits/{offered.visit}/move"' in once_more


async def test_operations_read_the_story_of_a_taken_offer_and_of_its_visit_each_at_its_page(
    offered: Offered,
) -> None:
    await offered.takes()

    for each in (offered.offer_id, offered.visit):
        page = await offered.shown(f"/ops/bookings/{each}")

        assert f"<h1 data-focus>Appointment {str(each)[:8].upper()}</h1>" in page
        assert f'href="/api/v1/appointments/{each}"' in page


async def test_who_cancels_at_the_page_of_a_taken_offer_has_no_visit(offered: Offered) -> None:
    await offered.takes()

    back = await offered.sent(f"/visits/{offered.offer_id}/cancel", version=3)

    assert back == f"/visits/{offered.visit}"
    assert "Your appointment is cancelled" in await offered.shown(back)
    assert (await offered.known(offered.visit))["status"] == "cancelled"


async def test_who_moves_at_the_page_of_a_taken_offer_sees_the_visit_there(
    offered: Offered,
) -> None:
    await offered.takes()
    wish = {"version": 3, "doctor": offered.clinic.doctor_id, "at": at("10:30").isoformat()}

    back = await offered.sent(f"/visits/{offered.offer_id}/move", **wish)

    assert back == f"/visits/{offered.visit}?note=moved"
    assert "10:30" in await offered.shown(back)


async def test_a_taken_offer_is_cancelled_as_the_visit_and_either_id_says_so(
    offered: Offered,
) -> None:
    await offered.takes()

    stale = await offered.call("cancel", version=2)
    cancelled = await offered.call("cancel", version=3)
    again = await offered.call("cancel")

    assert (stale.status_code, stale.json()["code"]) == (409, "changed")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert cancelled.json()["appointmentId"] == str(offered.visit)
    assert again.json() == cancelled.json()
    for each in (offered.visit, offered.offer_id):
        assert await offered.known(each) == cancelled.json()
    late = await offered.call("confirm")
    assert (late.status_code, late.json()["code"]) == (409, "already_cancelled")


async def test_a_taken_offer_is_moved_as_the_visit(offered: Offered) -> None:
    await offered.takes()

    moved = await offered.call("reschedule", version=3, dateTime=at("10:30").isoformat())

    assert (moved.status_code, moved.json()["appointmentId"]) == (200, str(offered.visit))
    assert moved.json()["dateTime"] == "2030-01-14T07:30:00Z"


async def test_more_time_for_a_taken_offer_is_refused_as_for_a_visit(offered: Offered) -> None:
    await offered.takes()

    extended = await offered.call("extend", version=1)

    assert (extended.status_code, extended.json()["code"]) == (409, "already_confirmed")


async def test_a_mark_on_a_taken_offer_is_one_on_the_visit(offered: Offered) -> None:
    await offered.takes()
    stands = await offered.known(offered.visit)

    stale = await offered.call("arrive", version=2)
    early = await offered.call("arrive", version=stands["version"])

    assert (stale.status_code, stale.json()["code"]) == (409, "changed")
    assert (early.status_code, early.json()["code"]) == (409, "wrong_state")


async def test_an_offers_visit_that_has_gone_on_since_still_answers_to_either_id(
    offered: Offered,
) -> None:
    await offered.takes()
    await offered.call("reschedule", version=3, dateTime=at("10:30").isoformat())
    stands = await offered.known(offered.visit)

    page = await offered.http.get(f"/visits/{offered.offer_id}")
    again = await offered.call("confirm")
    moved = await offered.call("reschedule", version=4, dateTime=at("10:00").isoformat())
    cancelled = await offered.call("cancel", version=5)

    assert stands["dateTime"] == "2030-01-14T07:30:00Z"
    assert page.headers["location"] == f"/visits/{offered.visit}"
    assert again.json() == stands
    assert (moved.status_code, moved.json()["version"]) == (200, 5)
    assert cancelled.json() == await offered.known(offered.offer_id)
    assert cancelled.json()["appointmentId"] == str(offered.visit)


async def test_an_offer_that_was_left_for_another_time_is_over_and_stays_so(
    offered: Offered,
) -> None:
    moved = await offered.http.post(
        f"/api/v1/appointments/{offered.visit}/reschedule",
        json={"version": 2, "dateTime": at("10:30").isoformat()},
    )

    known = await offered.known(offered.offer_id)
    cancelled = await offered.call("cancel")

    assert moved.status_code == 200, moved.text
    assert (known["appointmentId"], known["status"]) == (str(offered.offer_id), "cancelled")
    assert cancelled.json() == known
    assert (await offered.known(offered.visit))["status"] == "confirmed"


async def test_who_declines_again_after_moving_there_keeps_the_visit(offered: Offered) -> None:
    """A word said twice must not become another word meanwhile."""
    declined = await offered.call("cancel")
    stands = await offered.known(offered.visit)
    moved = await offered.http.post(
        f"/api/v1/appointments/{offered.visit}/reschedule",
        json={"version": stands["version"], "dateTime": offered.offer.starts_at.isoformat()},
    )

    again = await offered.call("cancel")

    assert (declined.status_code, moved.status_code, again.status_code) == (200, 200, 200)
    assert again.json() == declined.json()
    assert (await offered.known(offered.visit))["status"] == "confirmed"


async def test_the_history_of_a_taken_offer_is_that_of_the_visit(offered: Offered) -> None:
    await offered.takes()

    own, of_offer = [
        (await offered.http.get(f"/api/v1/appointments/{each}/history")).json()["items"]
        for each in (offered.visit, offered.offer_id)
    ]

    assert of_offer == own
    assert of_offer[-1]["status"] == "confirmed"


async def test_the_day_to_move_a_taken_offer_within_is_that_of_its_visit(offered: Offered) -> None:
    await offered.takes()
    day = offered.offer.starts_at.date().isoformat()
    place = f"/api/v1/doctors/{offered.offer.doctor_id}/schedule"

    of_visit, of_offer = [
        (await offered.http.get(place, params={"date": day, "moving": str(each)})).json()["slots"]
        for each in (offered.visit, offered.offer_id)
    ]

    assert of_offer == of_visit
    assert [each["state"] for each in of_offer].count("own") == 1


async def test_the_id_of_a_taken_offer_exchanges_its_visit(offered: Offered) -> None:
    await offered.takes()
    other = await offered.clinic.book(offered.offer.starts_at + timedelta(minutes=30))
    seen = await offered.known(offered.offer_id)

    exchanged = await offered.http.post(
        "/api/v1/appointments/exchange",
        json={
            "first": {"id": str(offered.offer_id), "version": seen["version"]},
            "second": {"id": str(other), "version": (await offered.known(other))["version"]},
        },
    )

    assert exchanged.status_code == 200, exchanged.text
    assert exchanged.json()["first"]["appointmentId"] == str(offered.visit)
