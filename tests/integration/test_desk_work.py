"""What the reception and the doctor do on their pages, to its end: move, exchange, mark, look."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from adapters.postgres.clinic_rules import write_rules
from adapters.postgres.database import Database
from domain.actors import ActorRef, Role
from domain.booking import Appointment
from domain.clinic_rules import ClinicRules
from domain.durations import parse_duration
from tests.clinic_rows import Clinic, at, open_clinic
from tests.fakes.issuer import FakeIssuer
from tests.integration.conftest import serving_changed
from tests.integration.test_moves import Desk
from tests.integration.working_runs import at_work


@dataclass(frozen=True)
class Pages:
    """The pages as a browser without scripts has them."""

    http: httpx.AsyncClient

    async def shown(self, path: str, *, status: int = 200) -> str:
        answer = await self.http.get(path)
        assert answer.status_code == status, path
        return unescape(answer.text)

    async def sent(self, path: str, **form: object) -> str:
        """Where the form leads."""
        answer = await self.http.post(path, data={name: str(each) for name, each in form.items()})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]


@pytest.fixture(scope="module")
async def working(clinic_database: Database, cache_url: str) -> AsyncIterator[str]:
    async with serving_changed(clinic_database, cache_url, at_work) as url:
        yield url.removesuffix("/api/v1")


@pytest.fixture
async def pages(working: str) -> AsyncIterator[Pages]:
    headers = {"accept": "text/html", "origin": working}
    async with httpx.AsyncClient(base_url=working, headers=headers, timeout=20) as http:
        yield Pages(http)


@pytest.fixture
def desk(clinic: Clinic) -> Desk:
    return Desk(clinic)


async def named(clinic: Clinic, patient_id: UUID, name: str) -> None:
    await clinic.execute(
        "UPDATE patients SET full_name = :name WHERE id = :id", name=name, id=patient_id
    )


async def lines_about(clinic: Clinic, thing: UUID) -> list[str]:
    async with clinic.database.connect() as connection:
        rows = await connection.execute(
            text("SELECT action FROM audit WHERE object = :thing ORDER BY id"),
            {"thing": str(thing)},
        )
        return list(rows.scalars())


def place_of(visit: Appointment) -> str:
    return f"/reception/visits/{visit.appointment_id}"


def moving(visit: Appointment, clock: str) -> dict[str, object]:
    return {
        "at": at(clock).isoformat(),
        "doctor": visit.doctor_id,
        "date": "2030-01-14",
        "version": visit.version,
    }


async def test_a_visit_is_moved_to_a_time_of_the_week_that_shows_its_own(
    desk: Desk, pages: Pages
) -> None:
    visit = await desk.book("09:00")
    await desk.book("09:30")
    await named(desk.clinic, visit.patient_id, "Ada Byron")

    week = await pages.shown(f"{place_of(visit)}/move")
    told = await pages.sent(f"{place_of(visit)}/move", **moving(visit, "10:00"))
    page = await pages.shown(told)

    free = re.findall(r'<button class="slot" name="at" value="([^"]+)"', week)
    assert free == ["2030-01-14T07:00:00Z", "2030-01-14T07:30:00Z"]
    assert re.search(r'class="slot own"><span class="figures">09:00', week)
    assert told == f"{place_of(visit)}?note=moved"
    assert "The appointment is moved." in page
    assert "Monday, 14 January at 10:00" in page
    assert await desk.standing(visit.appointment_id) == [(at("10:00"), "confirmed")]


async def test_the_history_tells_every_version_who_made_it_and_why(
    desk: Desk, pages: Pages
) -> None:
    visit = await desk.book("09:00")
    await pages.sent(f"{place_of(visit)}/move", **moving(visit, "10:00"), reason="clinic_request")

    page = await pages.shown(place_of(visit))

    rows = re.findall(r'<tr><td class="figures">(\d+)</td>(.*?)</tr>', page, re.DOTALL)
    assert [number for number, _ in rows] == ["1", "2", "3"]
    held, confirmed, moved = (row for _, row in rows)
    assert "time held: Mon, 14 Jan, 09:00" in held
    assert "the patient" in held
    assert "confirmed" in confirmed
    assert "moved: Mon, 14 Jan, 10:00" in moved
    assert "somebody not signed in" in moved
    assert "The clinic asked for it." in moved


async def test_a_week_that_is_full_leads_to_the_days_before_and_after(
    desk: Desk, pages: Pages
) -> None:
    visit = await desk.book("09:00")

    later = await pages.shown(f"{place_of(visit)}/move?date=2030-02-04")

    assert "No other times on these days." in later
    assert f'href="{place_of(visit)}/move?doctor={visit.doctor_id}&date=2030-01-28"' in later
    assert f'href="{place_of(visit)}/move?doctor={visit.doctor_id}&date=2030-02-11"' in later


async def test_a_time_that_went_is_told_in_place_and_the_old_one_is_kept(
    desk: Desk, pages: Pages
) -> None:
    visit = await desk.book("09:00")
    await desk.book("09:30")

    told = await pages.sent(f"{place_of(visit)}/move", **moving(visit, "09:30"))
    page = await pages.shown(told)

    assert "note=slot_taken" in told
    assert "The appointment stays where it is." in page
    assert await desk.standing(visit.appointment_id) == [(at("09:00"), "confirmed")]


async def test_a_rule_stops_a_move_and_a_reason_passes_it(desk: Desk, pages: Pages) -> None:
    visit = await desk.book("09:00")
    rules = ClinicRules(horizon=parse_duration("P1D"))
    await write_rules(
        desk.clinic.database, desk.clinic.id, rules, ActorRef(id="m", role=Role.MANAGER)
    )

    stopped = await pages.sent(f"{place_of(visit)}/move", **moving(visit, "10:00"))
    page = await pages.shown(stopped)
    passed = await pages.sent(f"{place_of(visit)}/move", **moving(visit, "10:00"), reason="other")

    assert "note=rule" in stopped
    assert "A rule of the clinic does not allow this move." in page
    assert "Move it all the same to Mon, 14 Jan, 10:00" in page
    assert passed.endswith("note=moved")


async def test_a_visit_that_has_changed_or_is_unknown_is_not_moved(
    desk: Desk, pages: Pages
) -> None:
    visit = await desk.book("09:00")
    nowhere = f"/reception/visits/{uuid4()}"

    changed = await pages.sent(
        f"{place_of(visit)}/move", **(moving(visit, "10:00") | {"version": 1})
    )
    unknown = await pages.http.post(f"{nowhere}/move", data=moving(visit, "10:00"))

    assert changed == f"{place_of(visit)}?note=changed"
    assert "changed elsewhere" in await pages.shown(changed)
    assert unknown.status_code == 404
    await pages.shown(f"{nowhere}/move", status=404)


async def test_two_visits_change_places(desk: Desk, pages: Pages) -> None:
    first, second = await desk.book("09:00"), await desk.book("10:00")
    for visit, name in ((first, "Ada Byron"), (second, "Mary Shelley")):
        await named(desk.clinic, visit.patient_id, name)
    code = str(second.appointment_id)[:8].upper()

    page = await pages.shown(f"{place_of(first)}/exchange?q={code}")
    told = await pages.sent(
        f"{place_of(first)}/exchange",
        version=first.version,
        other=second.appointment_id,
        other_version=second.version,
    )

    assert "Ada Byron" in page
    assert "Mary Shelley" in page
    assert f'name="other_version" value="{second.version}"' in page
    assert told == f"{place_of(first)}?note=exchanged"
    assert await desk.standing(first.appointment_id) == [(at("10:00"), "confirmed")]
    assert await desk.standing(second.appointment_id) == [(at("09:00"), "confirmed")]


async def test_what_cannot_be_exchanged_is_not_offered_and_stays(desk: Desk, pages: Pages) -> None:
    first, second = await desk.book("09:00"), await desk.book("10:00")
    form = {"version": first.version, "other_version": 1, "other": second.appointment_id}
    own = str(first.appointment_id)[:8]

    page = await pages.shown(f"{place_of(first)}/exchange?q={own}")
    told = await pages.sent(f"{place_of(first)}/exchange", **form)
    itself = await pages.http.post(
        f"{place_of(first)}/exchange", data=form | {"other": first.appointment_id}
    )
    unknown = await pages.http.post(f"{place_of(first)}/exchange", data=form | {"other": uuid4()})

    assert "No appointment found that can be exchanged." in page
    assert told.endswith("note=changed")
    assert "One of the two was changed elsewhere." in await pages.shown(told)
    assert (itself.status_code, unknown.status_code) == (422, 404)


async def begun(clinic: Clinic) -> UUID:
    """A visit of five minutes ago, by a clock of the clinic that shows noon."""
    now = datetime.now(UTC)
    await clinic.execute(
        "UPDATE clinics SET time_zone = :noon WHERE id = :id",
        noon=f"Etc/GMT{now.hour - 12:+d}",
        id=clinic.id,
    )
    await clinic.on_duty(now - timedelta(hours=3), now + timedelta(hours=3))
    return await clinic.book(now - timedelta(minutes=5))


def marks_in(page: str) -> list[str]:
    return re.findall(r'name="mark" value="([^"]+)"', page)


async def test_a_doctor_marks_and_takes_back_by_one_button_each(
    clinic: Clinic, pages: Pages
) -> None:
    visit, day = await begun(clinic), f"/doctor/{clinic.doctor_id}"
    shown, said = [marks_in(await pages.shown(day))], list[str]()

    marks = ("arrive", "undo-attendance", "complete", "undo-attendance", "no-show")
    for version, mark in enumerate(marks, 2):
        place = f"/reception/visits/{visit}/attendance?version={version}"
        told = await pages.sent(place, mark=mark, back=f"{day}?date=2030-01-14")
        assert told == f"{day}?date=2030-01-14&marked={visit}"
        page = await pages.shown(f"{day}?marked={visit}")
        shown.append(marks_in(page))
        said += re.findall(r"data-announce><bdi>.*?</bdi>, [0-9:]+: ([^<]+)</p>", page)

    may = ["arrive", "complete", "no-show"]
    assert shown == [
        may,
        ["complete", "undo-attendance"],
        may,
        ["undo-attendance"],
        may,
        ["undo-attendance"],
    ]
    back = "the mark was taken back"
    assert said == ["Arrived", back, "Seen", back, "Did not come"]


async def test_the_next_patients_first_button_has_the_focus(clinic: Clinic, pages: Pages) -> None:
    visit = await begun(clinic)

    page = await pages.shown(f"/doctor/{clinic.doctor_id}")

    [focused] = re.findall(r"<button[^>]*data-focus autofocus>", page)
    assert f"/reception/visits/{visit}/attendance?version=2" in focused
    assert 'value="arrive"' in focused


async def test_a_mark_that_was_made_elsewhere_is_told(clinic: Clinic, pages: Pages) -> None:
    visit, day = await begun(clinic), f"/doctor/{clinic.doctor_id}"

    told = await pages.sent(
        f"/reception/visits/{visit}/attendance?version=1", mark="arrive", back=day
    )

    assert told == f"{day}?note=changed"
    assert "Nothing was changed." in await pages.shown(told)
    assert "We did not get an answer" in await pages.shown(f"{day}?note=unavailable")


async def test_what_is_over_and_not_marked_is_listed_until_it_is(
    clinic: Clinic, pages: Pages
) -> None:
    now, listed = datetime.now(UTC), f"/reception/unresolved?clinic={clinic.id}"
    await clinic.on_duty(now - timedelta(days=9), now + timedelta(hours=1))
    over = await clinic.book(now - timedelta(hours=2))
    for of_no_list in (timedelta(days=8), timedelta(minutes=10)):  # long ago, and not over
        await clinic.book(now - of_no_list)

    before = await pages.shown(listed)
    told = await pages.sent(
        f"/reception/visits/{over}/attendance?version=2", mark="complete", back=listed
    )
    after = await pages.shown(told)

    assert re.findall(r'href="/reception/visits/([0-9a-f-]+)"', before) == [str(over)]
    assert marks_in(before) == ["complete", "no-show"]
    assert "All appointments are marked" in after
    assert "Nothing was changed." in await pages.shown(f"{listed}&note=wrong_state")


async def test_a_long_list_of_what_is_not_marked_says_that_more_follows(
    clinic: Clinic, pages: Pages
) -> None:
    now = datetime.now(UTC)
    await clinic.on_duty(now - timedelta(days=3), now + timedelta(hours=1))
    for nth in range(51):
        await clinic.book(now - timedelta(hours=1 + nth))

    page = await pages.shown(f"/reception/unresolved?clinic={clinic.id}")

    assert page.count('<li class="taken">') == 50
    assert "There are more" in page


async def test_a_living_patient_is_found_and_named_and_every_look_is_in_the_trail(
    clinic: Clinic, pages: Pages
) -> None:
    visit, patient = await clinic.book(at("09:00")), uuid4()
    name = f"Living {patient.hex[:8]}"
    await clinic.execute(
        "INSERT INTO patients (id, full_name, phone, email) VALUES (:id, :name, '+7', 'a@b.org')",
        id=patient,
        name=name,
    )
    await clinic.execute(
        "UPDATE schedules SET patient_id = :patient, version = version + 1 WHERE id = :id",
        patient=patient,
        id=visit,
    )
    day = f"clinic={clinic.id}&date=2030-01-14"

    looks = [
        f"/reception?q={patient.hex[:8]}",
        f"/reception/visits/{visit}",
        f"/reception?{day}&patient={patient}",
        f"/reception?{day}",
        f"/doctor/{clinic.doctor_id}?date=2030-01-14",
    ]
    for path in looks:
        assert name in await pages.shown(path), path
    for path in looks:  # a page that stays open is asked for again
        await pages.shown(path)

    assert await lines_about(clinic, patient) == ["create", "find", "read"]
    assert await lines_about(clinic, clinic.id) == ["see-day"]
    assert await lines_about(clinic, clinic.doctor_id) == ["see-day"]


async def test_the_desk_books_on_top_of_a_visit_on_purpose_and_the_pages_say_so(
    desk: Desk, pages: Pages
) -> None:
    there, clinic, caller = await desk.book("09:00"), desk.clinic, await desk.clinic.patient()
    await named(clinic, caller, "Mary Shelley")
    day = f"/reception?clinic={clinic.id}&date=2030-01-14"

    table = await pages.shown(f"{day}&patient={caller}")
    page = await pages.shown(f"{place_of(there)}?for={caller}")
    form = {"patient": caller, "at": at("09:00").isoformat(), "back": day}
    taken = await pages.sent(f"/reception/book/{clinic.doctor_id}", **form)
    told = await pages.sent(f"/reception/book/{clinic.doctor_id}", **form, overbook="true")
    after = await pages.shown(told)
    [booked] = re.findall(r"about=([0-9a-f-]{36})", told)

    assert f'href="{place_of(there)}?for={caller}"' in table
    assert "two patients for one doctor at 09:00" in page
    assert 'name="overbook" value="true"' in page
    assert "note=slot_taken" in taken
    assert "note=booked" in told
    assert "Booked: Mary Shelley" in after
    assert "(on top)" in after
    own = await pages.shown(f"/reception/visits/{booked}?for={caller}")
    assert "booked on top of another appointment" in own
    assert "Book on top of this appointment" not in own, "nobody is booked on top of themselves"
    assert "on top" in await pages.shown(f"/doctor/{clinic.doctor_id}?date=2030-01-14")
    assert await desk.standing(there.appointment_id) == [(at("09:00"), "confirmed")]


async def test_a_rule_that_stops_a_booking_on_top_is_passed_with_a_reason(
    desk: Desk, pages: Pages
) -> None:
    await desk.book("09:00")
    clinic, caller = desk.clinic, await desk.clinic.patient()
    rules = ClinicRules(horizon=parse_duration("P1D"))
    await write_rules(clinic.database, clinic.id, rules, ActorRef(id="m", role=Role.MANAGER))
    back = f"/reception?clinic={clinic.id}&patient={caller}"
    form = {"patient": caller, "at": at("09:00").isoformat(), "back": back, "overbook": "true"}

    stopped = await pages.sent(f"/reception/book/{clinic.doctor_id}", **form)
    page = await pages.shown(stopped)
    passed = await pages.sent(f"/reception/book/{clinic.doctor_id}", **form, reason="other")

    assert "note=rule" in stopped
    assert 'name="overbook" value="true"' in page
    assert "note=booked" in passed


@pytest.fixture
async def elsewhere(
    signed_in_api: str, issuer: FakeIssuer, clinic_database: Database
) -> AsyncIterator[httpx.AsyncClient]:
    """Staff of another clinic, both the manager and the reception."""
    other = await open_clinic(clinic_database)
    roles = ["reception", "manager"]
    token = issuer.token("e1", sub=f"staff-{uuid4()}", roles=roles, clinic_ids=[str(other.id)])
    headers = {"authorization": f"Bearer {token}", "accept": "text/html"}
    root = signed_in_api.removesuffix("/api/v1")
    async with httpx.AsyncClient(base_url=root, headers=headers, timeout=20) as http:
        yield http


@pytest.mark.parametrize(
    "page",
    [
        "/reception/visits/{visit}",
        "/reception/visits/{visit}/move",
        "/reception/visits/{visit}/exchange",
        "/ops/bookings/{visit}",
    ],
)
async def test_a_visit_of_another_clinic_is_shown_as_one_that_does_not_exist(
    page: str, elsewhere: httpx.AsyncClient, clinic: Clinic
) -> None:
    visit = await clinic.book(at("09:00"))

    theirs = await elsewhere.get(page.format(visit=visit))
    nowhere = await elsewhere.get(page.format(visit=uuid4()))

    assert (theirs.status_code, nowhere.status_code) in {(404, 404), (404, 503)}
    assert "Dr Kim" not in theirs.text
