"""Attendance on the real database: what is marked, what it keeps and what it frees."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from psycopg.sql import SQL

from activities.appointments import Appointments
from adapters.postgres.attendance import settle_visit
from adapters.postgres.clinic_rules import write_rules
from adapters.postgres.direct import cursor
from adapters.postgres.no_shows import mark_absent
from api.booking.attendance import Attendance
from api.booking.temporal_errors import NoAnswer, NoRun
from api.http.actor import Caller
from domain.actors import ANYONE, Actor, ActorRef, Role
from domain.attendance import Mark, Settlement
from domain.booking import Appointment, Outcome, Status, asked_for
from domain.clinic_rules import ClinicRules
from domain.durations import parse_duration
from domain.errors import AppointmentNotFound, Changed, Refused, SlotTaken, WrongState
from domain.permissions import Action
from tests.builders import a_settlement, an_appointment
from tests.clinic_rows import Clinic, refused_by
from tests.integration.test_slots import refusal_of
from tests.leaves import where_it_is_noon

HISTORY = SQL("""
SELECT action, role FROM audit WHERE object = CAST(%(id)s AS text) ORDER BY id DESC LIMIT 1
""")
AS_ANYONE = Caller(actor=ANYONE, action=Action.MARK_ATTENDANCE)


@dataclass
class StandInRuns:
    """Runs that mark at once, or answer with what a test has said."""

    appointments: Appointments
    answers: list[Refused | Exception | UUID] = field(default_factory=list)
    begun: list[Settlement] = field(default_factory=list)

    async def settle(self, settlement: Settlement) -> Outcome:
        self.begun.append(settlement)
        answer = self.answers.pop(0) if self.answers else settlement.attempt_id
        if isinstance(answer, Refused):
            visit = asked_for(settlement, settlement.status)
            return Outcome(attempt_id=uuid4(), appointment=visit, refusal=answer.refusal)
        if isinstance(answer, Exception):
            raise answer
        if answer != settlement.attempt_id:
            return Outcome(attempt_id=answer, appointment=asked_for(settlement, Status.ARRIVED))
        marked = await self.appointments.settle_visit(settlement)
        return Outcome(attempt_id=answer, appointment=marked)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The API's attendance beside the activities that its runs would call."""

    clinic: Clinic
    runs: StandInRuns
    attendance: Attendance

    async def a_visit(self, *, begins_in: timedelta) -> UUID:
        """At a clinic that has always open, and whose clock shows noon: both are of one day."""
        now = datetime.now(UTC)
        await self.clinic.execute(
            "UPDATE clinics SET time_zone = :noon WHERE id = :id",
            noon=where_it_is_noon(),
            id=self.clinic.id,
        )
        await self.clinic.on_duty(now - timedelta(days=1), now + timedelta(days=1))
        return await self.clinic.book(now + begins_in)

    async def mark(self, visit: UUID, mark: Mark, version: int) -> Appointment:
        return await self.attendance.mark(visit, mark, version=version, by=AS_ANYONE)

    async def last_line(self, visit: UUID) -> tuple[str, str]:
        async with cursor(self.clinic.database) as connection:
            row = await connection.one(HISTORY, {"id": visit})
        return row["action"], row["role"]


@pytest.fixture
def desk(clinic: Clinic) -> Desk:
    runs = StandInRuns(Appointments(clinic.database))
    return Desk(clinic=clinic, runs=runs, attendance=Attendance(clinic.database, runs))


BEGUN, SOON = timedelta(minutes=-5), timedelta(seconds=30)


async def test_a_visit_is_arrived_completed_and_taken_back_state_by_state(desk: Desk) -> None:
    visit = await desk.a_visit(begins_in=BEGUN)

    arrived = await desk.mark(visit, Mark.ARRIVE, 2)
    completed = await desk.mark(visit, Mark.COMPLETE, 3)
    back = await desk.mark(visit, Mark.UNDO, 4)
    confirmed = await desk.mark(visit, Mark.UNDO, 5)

    states = [each.status for each in (arrived, completed, back, confirmed)]
    assert states == [Status.ARRIVED, Status.COMPLETED, Status.ARRIVED, Status.CONFIRMED]
    assert confirmed.version == 6
    assert await desk.last_line(visit) == ("undo-attendance", "operator")


async def test_who_comes_early_keeps_the_time(desk: Desk) -> None:
    visit = await desk.a_visit(begins_in=SOON)
    arrived = await desk.mark(visit, Mark.ARRIVE, 2)

    assert arrived.status is Status.ARRIVED
    constraint = await refused_by(desk.clinic.hold(arrived.starts_at))
    assert constraint == "schedules_doctor_free"
    with pytest.raises(WrongState):
        await desk.mark(visit, Mark.NO_SHOW, 3)


async def test_a_no_show_undone_stands_as_before(desk: Desk) -> None:
    visit = await desk.a_visit(begins_in=BEGUN)
    missed = await desk.mark(visit, Mark.NO_SHOW, 2)

    undone = await desk.mark(visit, Mark.UNDO, 3)

    assert missed.status is Status.NO_SHOW
    assert undone == replace(missed, status=Status.CONFIRMED, version=4)
    assert await refused_by(desk.clinic.hold(undone.starts_at)) == "schedules_doctor_free"


async def test_a_no_show_whose_time_was_given_away_cannot_be_undone(desk: Desk) -> None:
    visit = await desk.a_visit(begins_in=BEGUN)
    missed = await desk.mark(visit, Mark.NO_SHOW, 2)
    await desk.clinic.hold(missed.starts_at)
    wish = a_settlement(missed, Mark.UNDO)

    with pytest.raises(SlotTaken):
        await settle_visit(desk.clinic.database, wish)


async def test_the_same_mark_again_is_answered_with_the_visit_as_it_is(desk: Desk) -> None:
    visit = await desk.a_visit(begins_in=BEGUN)
    arrived = await desk.mark(visit, Mark.ARRIVE, 2)

    assert await desk.mark(visit, Mark.ARRIVE, 2) == arrived
    again = await desk.runs.appointments.settle_visit(desk.runs.begun[0])
    assert again == arrived
    assert len(desk.runs.begun) == 1


async def test_what_cannot_be_marked_begins_no_run(desk: Desk) -> None:
    visit = await desk.a_visit(begins_in=BEGUN)

    with pytest.raises(Changed):
        await desk.mark(visit, Mark.ARRIVE, 1)
    with pytest.raises(Changed):
        await desk.mark(visit, Mark.ARRIVE, version=2**31 - 1)
    with pytest.raises(WrongState):
        await desk.mark(visit, Mark.UNDO, 2)
    with pytest.raises(AppointmentNotFound):
        await desk.mark(uuid4(), Mark.ARRIVE, 1)
    assert desk.runs.begun == []


async def test_a_run_is_refused_what_changed_before_it_came(desk: Desk) -> None:
    visit = await desk.a_visit(begins_in=BEGUN)
    await desk.mark(visit, Mark.ARRIVE, 2)
    stale = replace(desk.runs.begun[0], mark=Mark.NO_SHOW)

    settle = desk.runs.appointments.settle_visit
    assert await refusal_of(settle(stale)) == "changed"
    nowhere = a_settlement(an_appointment(), Mark.ARRIVE)
    assert await refusal_of(settle(nowhere)) == "appointment_not_found"


async def test_the_run_of_another_mark_is_not_taken_for_one_s_own(desk: Desk) -> None:
    visit = await desk.a_visit(begins_in=BEGUN)
    desk.runs.answers = [uuid4(), NoRun(), uuid4()]

    with pytest.raises(NoAnswer):
        await desk.mark(visit, Mark.COMPLETE, 2)

    desk.runs.answers = [Changed()]
    with pytest.raises(Changed):
        await desk.mark(visit, Mark.COMPLETE, 2)


async def test_only_staff_of_the_clinic_may_mark(desk: Desk) -> None:
    visit = await desk.a_visit(begins_in=BEGUN)
    own, other = frozenset({desk.clinic.id}), frozenset({uuid4()})
    rita = Actor(subject="rita", roles=frozenset({Role.RECEPTION}), clinic_ids=own)
    away = replace(rita, clinic_ids=other)

    with pytest.raises(AppointmentNotFound):
        await desk.attendance.mark(visit, Mark.ARRIVE, version=2, by=replace(AS_ANYONE, actor=away))
    await desk.attendance.mark(visit, Mark.ARRIVE, version=2, by=replace(AS_ANYONE, actor=rita))

    assert await desk.last_line(visit) == ("arrive", "reception")
    assert desk.runs.begun[0].actor == ActorRef(id=rita.ref.id, role=Role.RECEPTION)


async def test_an_undo_whose_shift_is_gone_is_told_that_it_stands_otherwise(desk: Desk) -> None:
    visit = await desk.a_visit(begins_in=BEGUN)
    await desk.mark(visit, Mark.NO_SHOW, 2)
    await desk.clinic.execute("DELETE FROM shifts WHERE doctor_id = :id", id=desk.clinic.doctor_id)

    with pytest.raises(WrongState):
        await settle_visit(
            desk.clinic.database,
            a_settlement(an_appointment(appointment_id=visit, version=3), Mark.UNDO),
        )


async def test_the_absent_are_marked_after_as_long_as_the_clinics_rule_says(desk: Desk) -> None:
    database, clinic = desk.clinic.database, desk.clinic
    await mark_absent(database)
    late = await desk.a_visit(begins_in=-timedelta(hours=2))
    recent = await clinic.book(datetime.now(UTC) + BEGUN)
    came = await clinic.book(datetime.now(UTC) - timedelta(hours=4))
    await desk.mark(came, Mark.ARRIVE, 2)
    unruled = await mark_absent(database)
    rules = ClinicRules(no_show_after=parse_duration("PT1H"))
    await write_rules(database, clinic.id, rules, ActorRef(id="m", role=Role.MANAGER))

    marked = await mark_absent(database)
    by = await desk.last_line(late)
    await desk.mark(late, Mark.UNDO, 3)
    again = await mark_absent(database)

    assert (unruled, [each.appointment_id for each in marked], again) == ([], [late], [])
    assert [each.ends_at for each in marked] == [marked[0].starts_at + timedelta(minutes=30)]
    assert by == ("no-show", "system")
    assert recent not in {each.appointment_id for each in marked}
    await write_rules(database, clinic.id, ClinicRules(), ActorRef(id="m", role=Role.MANAGER))
