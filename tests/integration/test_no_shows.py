"""Missed appointments: what they lead to, what the patient is told before, and who looks again."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from psycopg.sql import SQL

from activities.slots import Slots
from adapters.messages.visit import Language
from adapters.postgres.appeals import appeal_of
from adapters.postgres.clinic_rules import write_rules
from adapters.postgres.direct import cursor
from adapters.postgres.reads import read
from api.page.wording import Wording
from domain.actors import ActorRef, Role
from domain.clinic_rules import ClinicRules
from domain.durations import parse_duration
from tests.clinic_rows import Clinic, at
from tests.fakes.issuer import FakeIssuer
from tests.integration.test_slots import a_wish, refusal_of

HALF_A_YEAR = parse_duration("P180D")
RULE = ClinicRules(max_no_shows=2, no_shows_within=HALF_A_YEAR)
MANAGER = ActorRef(id=str(uuid4()), role=Role.MANAGER)
TRAIL = SQL("""
SELECT action, role, reason FROM audit
WHERE object = %(id)s AND action IN ('appeal', 'keep-no-show', 'undo-attendance') ORDER BY id
""")


@dataclass(frozen=True, kw_only=True)
class Absent:
    """A patient at a browser who has not come before, and the desk of the clinic."""

    http: httpx.AsyncClient
    clinic: Clinic
    patient: UUID
    today: datetime = field(default_factory=lambda: datetime.now(UTC))
    """Also when it is tomorrow before the test has ended."""

    async def missed(self, *, days_ago: int) -> UUID:
        begins = self.today - timedelta(days=days_ago)
        doctor = await self.clinic.hire()
        await self.clinic.on_duty(begins, begins + timedelta(minutes=30), doctor_id=doctor)
        visit = await self.clinic.book(begins, doctor_id=doctor, patient_id=self.patient)
        await self.clinic.becomes(visit, "no_show")
        return visit

    def end_of(self, days_ago: int) -> str:
        """When one that was missed then counts no longer, as a page writes the day."""
        begins = self.today - timedelta(days=days_ago)
        ends = HALF_A_YEAR.after(begins, ZoneInfo("Europe/Moscow"))
        return Wording(Language.EN).dated(ends.astimezone(ZoneInfo("Europe/Moscow")))

    async def shown(self, path: str) -> str:
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return " ".join(unescape(answer.text).split())

    async def sends(self, path: str, **form: str) -> str:
        answer = await self.http.post(path, data=form)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def ruled(self, rules: ClinicRules = RULE) -> None:
        await write_rules(self.clinic.database, self.clinic.id, rules, MANAGER)

    async def trail(self, visit: UUID) -> list[tuple[str, str, str | None]]:
        async with cursor(self.clinic.database) as connection:
            rows = await connection.all(TRAIL, {"id": str(visit)})
        return [(row["action"], row["role"], row["reason"]) for row in rows]

    @property
    def calendar(self) -> str:
        return f"/book/{self.clinic.doctor_id}"

    @property
    def unresolved(self) -> str:
        return f"/reception/unresolved?clinic={self.clinic.id}"


@pytest.fixture
async def absent(api: str, clinic: Clinic) -> AsyncIterator[Absent]:
    patient = await clinic.patient()
    await clinic.execute(
        "UPDATE patients SET email = :mail WHERE id = :id",
        mail=f"{patient.hex}@example.org",
        id=patient,
    )
    await clinic.execute("UPDATE clinics SET phone = '+74950000000' WHERE id = :id", id=clinic.id)
    root = api.removesuffix("/api/v1")
    async with httpx.AsyncClient(
        base_url=root,
        timeout=20,
        headers={"accept": "text/html", "accept-language": "en", "origin": root},
        cookies={"patient": str(patient)},
    ) as http:
        yield Absent(http=http, clinic=clinic, patient=patient)


async def test_the_database_refuses_after_so_many_and_an_undone_one_gives_back_what_it_counted(
    absent: Absent,
) -> None:
    slots, clinic = Slots(absent.clinic.database), absent.clinic
    wish = await a_wish(clinic, "09:00", patient_id=absent.patient)
    staff = ActorRef(id=str(uuid4()), role=Role.RECEPTION)
    with_reason = await a_wish(
        clinic, "10:00", patient_id=absent.patient, actor=staff, reason="other"
    )
    await absent.missed(days_ago=20)
    await absent.missed(days_ago=200)
    elsewhere = await absent.missed(days_ago=10)
    await absent.ruled()

    refused = await refusal_of(slots.hold_slot(wish))
    await slots.hold_slot(with_reason)
    await clinic.becomes(elsewhere, "confirmed")
    held = await slots.hold_slot(wish)

    assert refused == "rule"
    assert held.appointment.status == "held"


async def test_what_others_have_missed_counts_against_nobody_else(absent: Absent) -> None:
    for days_ago in (1, 5, 20):
        await absent.missed(days_ago=days_ago)
    await absent.ruled()

    held = await Slots(absent.clinic.database).hold_slot(await a_wish(absent.clinic, "09:00"))

    assert held.appointment.patient_id != absent.patient
    assert held.appointment.status == "held"


async def test_the_api_names_the_rule_its_limit_and_what_counts(
    absent: Absent, signed_in_api: str, issuer: FakeIssuer
) -> None:
    for days_ago in (1, 5, 20):
        await absent.missed(days_ago=days_ago)
    await absent.ruled()
    token = issuer.token("e1", sub=str(uuid4()), roles=["patient"], patient_id=str(absent.patient))
    wish = {
        "patientId": str(absent.patient),
        "doctorId": str(absent.clinic.doctor_id),
        "dateTime": at("09:00").isoformat(),
    }

    async with httpx.AsyncClient(base_url=signed_in_api, timeout=20) as http:
        headers = {"authorization": f"Bearer {token}"}
        answer = await http.post("/appointments", json=wish, headers=headers)

    told = answer.json()
    assert (answer.status_code, told["code"]) == (409, "rule")
    assert (told["rule"], told["limit"], told["now"]) == ("maxNoShows", 2, 3)


async def test_the_rule_is_said_before_anything_is_missed(absent: Absent) -> None:
    silent = await absent.shown(absent.calendar)
    await absent.ruled()

    said = await absent.shown(absent.calendar)

    assert "data-rules" not in silent
    assert "After 2 missed appointments you can book at this clinic only by phone." in said
    assert "Each counts for 180 days, then the clinic forgets it." in said
    assert "data-missed" not in said
    assert 'href="tel:+74950000000"' in said


async def test_the_patient_is_told_how_many_count_what_comes_next_and_until_when(
    absent: Absent,
) -> None:
    await absent.ruled()
    await absent.missed(days_ago=30)
    before = [await absent.shown(path) for path in (absent.calendar, "/visits")]
    await absent.missed(days_ago=3)
    after = [await absent.shown(path) for path in (absent.calendar, "/visits")]
    await absent.ruled(ClinicRules(max_no_shows=9, no_shows_within=HALF_A_YEAR))
    far = await absent.shown("/visits")
    await absent.ruled(ClinicRules())
    unruled = await absent.shown("/visits")

    end = absent.end_of(30)
    for page in before:
        assert "You did not come to 1 appointment at this clinic: Clinic." in page
        assert f"If you miss one more, you can book there only by phone until {end}" in page
    for page in after:
        assert "You did not come to 2 appointments at this clinic: Clinic." in page
        assert re.search(rf"Until {end}, \d\d:\d\d, you can book there only by phone.", page)
        assert "ask the clinic to look again" in page
        assert 'href="tel:+74950000000"' in page
    assert "After 9 you can book there only by phone. Each counts for 180 days" in far
    assert "data-missed" not in unruled


async def test_a_try_all_the_same_is_told_why_and_whom_to_call(absent: Absent) -> None:
    await absent.ruled()
    for days_ago in (3, 4):
        await absent.missed(days_ago=days_ago)

    back = await absent.sends(absent.calendar, at=at("09:00").isoformat())
    page = await absent.shown(back)

    assert "rule=maxNoShows" in back
    assert "You have missed too many appointments at this clinic to book online for now." in page


async def test_a_patient_asks_to_look_again_and_reads_that_and_why_the_mark_is_kept(
    absent: Absent,
) -> None:
    visit = await absent.missed(days_ago=3)
    place = f"/visits/{visit}"
    unasked = await absent.shown(place)
    for _ in range(2):
        assert await absent.sends(f"{place}/appeal") == place
    asked = await absent.shown(place)
    listed = await absent.shown(absent.unresolved)
    at_desk = await absent.shown(f"/reception{place}")

    back = absent.unresolved
    kept = await absent.sends(f"/reception{place}/keep-no-show", because="came_too_late", back=back)
    again = await absent.sends(f"/reception{place}/keep-no-show", because="other")
    told = await absent.shown(place)

    assert "Ask the clinic to look again" in unasked
    assert f'action="{place}/appeal"' not in asked
    assert 'data-appeal="open"' in asked
    assert "Patients ask to look again" in listed
    assert f"/reception{place}/keep-no-show" in listed
    assert "asks you to look again" in at_desk
    assert (kept, again) == (back, f"/reception{place}?note=changed")
    assert "kept the mark. The patient came too late to be seen." in told
    assert "it was kept." in await absent.shown(f"/reception{place}")
    assert "Patients ask to look again" not in await absent.shown(absent.unresolved)
    assert await absent.trail(visit) == [
        ("appeal", "patient", None),
        ("keep-no-show", "operator", "came_too_late"),
    ]


async def test_a_mark_that_is_taken_back_answers_whoever_takes_it_back(absent: Absent) -> None:
    visit = await absent.missed(days_ago=3)
    place = f"/visits/{visit}"
    await absent.sends(f"{place}/appeal")

    await absent.clinic.becomes(visit, "confirmed")
    answered = await absent.shown(absent.unresolved)
    await absent.clinic.becomes(visit, "no_show")
    anew = await absent.shown(place)
    state = await read(absent.clinic.database, lambda opened: appeal_of(opened, visit))

    assert "Patients ask to look again" not in answered
    assert state is None
    assert f'action="{place}/appeal"' in anew
    assert (await absent.trail(visit))[-1] == ("undo-attendance", "sql", None)


async def test_nobody_appeals_for_a_stranger_or_against_what_is_not_marked(
    absent: Absent,
) -> None:
    stands = await absent.clinic.book(at("09:00"), patient_id=absent.patient)
    strange = await absent.clinic.book(at("10:00"))

    await absent.sends(f"/visits/{stands}/appeal")
    refused = await absent.http.post(f"/visits/{strange}/appeal")

    assert await read(absent.clinic.database, lambda opened: appeal_of(opened, stands)) is None
    assert refused.status_code == 404
    assert await absent.trail(stands) == []
