"""What the API says to a move before, beside and after its run."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

import pytest

from api.booking.hold_order import ReplayedRefusal
from api.booking.move import Moves
from api.booking.move_order import MoveOrder
from api.booking.run_summary import RunSummary
from api.booking.temporal_errors import NoAnswer, NoRun
from domain.actors import ANYONE, Actor, Role
from domain.booking import Appointment, Move, Outcome, Result, Status, asked_for
from domain.errors import (
    AppointmentNotFound,
    Changed,
    IdempotencyKeyReused,
    NotConfirmed,
    PatientBusy,
    Refused,
    SlotTaken,
)
from tests.builders import a_move, a_request, an_appointment
from tests.clinic_rows import Clinic, at
from tests.integration.test_moves import Desk


@dataclass
class StandInRuns:
    """Runs that answer with what a test has said, one after another."""

    desk: Desk
    answers: list[Refused | Exception | str] = field(default_factory=list)
    known: RunSummary | None = None
    under_way: Callable[[], Awaitable[Outcome]] | None = None
    begun: list[Move] = field(default_factory=list)
    asked_after: list[int] = field(default_factory=list)

    async def move(self, move: Move) -> Outcome:
        self.begun.append(move)
        answer = self.answers.pop(0) if self.answers else "moves"
        if isinstance(answer, Refused):
            visit = asked_for(move, Status.CONFIRMED)
            return Outcome(attempt_id=uuid4(), appointment=visit, refusal=answer.refusal)
        if isinstance(answer, Exception):
            raise answer
        made = move if answer == "moves" else replace(move, starts_at=at(answer))
        return Outcome(attempt_id=uuid4(), appointment=await self.desk.move(made))

    async def moving(self, _appointment_id: UUID, version: int) -> Outcome:
        self.asked_after.append(version)
        if self.under_way is None:
            raise NoRun
        return await self.under_way()

    async def none_of(self, _appointment_id: UUID) -> None:
        """Nobody measures here."""

    async def summary(self, _appointment_id: UUID) -> RunSummary:
        if self.known is None:
            raise NoRun
        return self.known


@pytest.fixture
def runs(clinic: Clinic) -> StandInRuns:
    return StandInRuns(Desk(clinic))


@pytest.fixture
def moves(clinic: Clinic, runs: StandInRuns) -> Moves:
    return Moves(clinic.database, runs, b"a secret of this test, long enough")


def to(clock: str, visit: Appointment) -> MoveOrder:
    assert visit.version is not None
    return MoveOrder(
        appointment_id=visit.appointment_id,
        version=visit.version,
        starts_at=at(clock),
        by=ANYONE,
    )


async def test_a_move_that_cannot_be_made_begins_no_run(moves: Moves, runs: StandInRuns) -> None:
    visit = await runs.desk.book("09:00")
    await runs.desk.book("09:30")

    with pytest.raises(SlotTaken) as refused:
        await moves.move(to("09:30", visit))

    assert [each.starts_at for each in refused.value.refusal.alternatives or []]
    assert runs.begun == []


async def test_a_run_that_nobody_has_heard_of_decides_before_a_slot_that_looks_taken(
    moves: Moves, runs: StandInRuns, clinic: Clinic
) -> None:
    """Whoever holds the slot when it is looked at may have let it go when the run comes to it."""
    visit = await runs.desk.book("09:00")
    rival = await clinic.hold(at("10:00"))

    async def comes_later() -> Outcome:
        await clinic.becomes(rival, "cancelled")
        moved = await runs.desk.move(a_move(visit, starts_at=at("10:00")))
        return Outcome(attempt_id=uuid4(), appointment=moved)

    runs.under_way = comes_later

    told = await moves.move(to("10:00", visit))

    assert (told.appointment.starts_at, told.appointment.version) == (at("10:00"), 3)
    assert runs.begun == []


async def test_a_run_that_ended_between_the_look_and_the_question_has_decided_as_well(
    moves: Moves, runs: StandInRuns, clinic: Clinic
) -> None:
    visit = await runs.desk.book("09:00")
    rival = await clinic.hold(at("10:00"))

    async def has_just_ended() -> Outcome:
        await clinic.becomes(rival, "cancelled")
        await runs.desk.move(a_move(visit, starts_at=at("10:00")))
        raise NoRun

    runs.under_way = has_just_ended

    assert (await moves.move(to("10:00", visit))).appointment.version == 3


async def test_who_wants_another_slot_than_the_run_under_way_finds_the_visit_changed(
    moves: Moves, runs: StandInRuns, clinic: Clinic
) -> None:
    visit = await runs.desk.book("09:00")
    await clinic.hold(at("10:00"))

    async def goes_elsewhere() -> Outcome:
        moved = await runs.desk.move(a_move(visit, starts_at=at("10:30")))
        return Outcome(attempt_id=uuid4(), appointment=moved)

    runs.under_way = goes_elsewhere

    with pytest.raises(Changed):
        await moves.move(to("10:00", visit))


async def test_a_run_under_way_that_says_no_leaves_the_refusal_as_it_is(
    moves: Moves, runs: StandInRuns, clinic: Clinic
) -> None:
    visit = await runs.desk.book("09:00")
    await clinic.hold(at("10:00"))

    async def says_no() -> Outcome:
        return Outcome(attempt_id=uuid4(), appointment=visit, refusal=PatientBusy().refusal)

    runs.under_way = says_no

    with pytest.raises(SlotTaken):
        await moves.move(to("10:00", visit))


async def test_no_run_is_asked_after_of_a_version_that_the_visit_has_left_behind(
    moves: Moves, runs: StandInRuns
) -> None:
    visit = await runs.desk.book("09:00")
    await moves.move(to("09:30", visit))

    with pytest.raises(Changed):
        await moves.move(to("10:00", visit))

    assert runs.asked_after == []


async def test_a_key_whose_first_try_had_no_answer_keeps_the_refusal_that_it_is_told_then(
    moves: Moves, runs: StandInRuns, clinic: Clinic
) -> None:
    visit = await runs.desk.book("09:00")
    order = replace(to("10:00", visit), key="one")
    runs.answers = [NoAnswer(visit.appointment_id)]
    with pytest.raises(NoAnswer):
        await moves.move(order)
    rival = await clinic.hold(at("10:00"))
    with pytest.raises(SlotTaken):
        await moves.move(order)
    await clinic.becomes(rival, "cancelled")

    with pytest.raises(ReplayedRefusal):
        await moves.move(order)

    assert await runs.desk.standing(visit.appointment_id) == [(at("09:00"), "confirmed")]


async def test_another_day_or_doctor_is_said_to_the_run(
    moves: Moves, runs: StandInRuns, clinic: Clinic
) -> None:
    colleague = await clinic.hire()
    await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=colleague)
    visit = await runs.desk.book("09:00")

    here = await moves.move(to("09:30", visit))
    await moves.move(replace(to("10:00", here.appointment), doctor_id=colleague))

    assert [move.leaves_day for move in runs.begun] == [False, True]


async def test_who_lost_the_slot_in_the_race_is_offered_others(
    moves: Moves, runs: StandInRuns
) -> None:
    visit = await runs.desk.book("09:00")
    runs.answers = [SlotTaken()]

    with pytest.raises(SlotTaken) as refused:
        await moves.move(to("10:00", visit))

    assert refused.value.refusal.alternatives


async def test_a_refusal_without_others_to_offer_is_told_as_it_is(
    moves: Moves, runs: StandInRuns
) -> None:
    visit = await runs.desk.book("09:00")
    runs.answers = [PatientBusy()]

    with pytest.raises(PatientBusy):
        await moves.move(to("10:00", visit))


async def test_who_met_the_run_of_another_slot_finds_the_visit_changed(
    moves: Moves, runs: StandInRuns
) -> None:
    visit = await runs.desk.book("09:00")
    runs.answers = ["09:30"]

    with pytest.raises(Refused) as refused:
        await moves.move(to("10:00", visit))

    assert refused.value.code == "changed"


async def test_a_run_that_ended_while_it_was_asked_is_followed_by_another(
    moves: Moves, runs: StandInRuns
) -> None:
    visit = await runs.desk.book("09:00")
    runs.answers = [NoRun()]

    assert (await moves.move(to("10:00", visit))).appointment.starts_at == at("10:00")


async def test_runs_that_end_again_and_again_leave_the_outcome_open(
    moves: Moves, runs: StandInRuns
) -> None:
    visit = await runs.desk.book("09:00")
    runs.answers = [NoRun() for _ in range(3)]

    with pytest.raises(NoAnswer):
        await moves.move(to("10:00", visit))


async def test_what_has_no_row_is_unknown_or_not_confirmed_or_was_refused(
    moves: Moves, runs: StandInRuns
) -> None:
    nowhere = an_appointment(version=1)
    on_its_way = RunSummary(
        appointment=asked_for(a_request(), Status.PENDING),
        attempt_id=None,
        is_running=True,
        result=None,
    )
    was_refused = replace(
        on_its_way, result=Result(status=Status.REFUSED, code="patient_busy"), is_running=False
    )

    codes = []
    for known in (None, on_its_way, was_refused):
        runs.known = known
        with pytest.raises(Refused) as refused:
            await moves.move(to("10:00", nowhere))
        codes.append(refused.value.code)

    assert codes == [AppointmentNotFound.code, NotConfirmed.code, PatientBusy.code]


async def test_a_key_is_answered_the_same_whatever_has_become_of_the_visit(
    moves: Moves, runs: StandInRuns
) -> None:
    visit = await runs.desk.book("09:00")
    order = replace(to("09:30", visit), key="one")
    once = await moves.move(order)
    await moves.move(to("10:00", once.appointment))

    again = await moves.move(order)

    assert (once.replayed, again.replayed) == (False, True)
    assert again.appointment == once.appointment


async def test_a_key_of_another_body_is_refused_and_another_callers_is_another_key(
    moves: Moves, runs: StandInRuns
) -> None:
    visit = await runs.desk.book("09:00")
    order = replace(to("09:30", visit), key="one")
    once = await moves.move(order)

    with pytest.raises(IdempotencyKeyReused):
        await moves.move(replace(to("10:00", once.appointment), key="one"))
    own = Actor(subject="a", roles=frozenset({Role.PATIENT}), patient_id=visit.patient_id)
    assert not (await moves.move(replace(order, by=own))).replayed


async def test_a_key_that_nothing_was_begun_with_is_free(moves: Moves, runs: StandInRuns) -> None:
    visit = await runs.desk.book("09:00")
    await runs.desk.book("09:30")
    with pytest.raises(SlotTaken):
        await moves.move(replace(to("09:30", visit), key="one"))

    assert not (await moves.move(replace(to("10:00", visit), key="one"))).replayed


async def test_what_a_run_refused_a_key_with_is_said_again(moves: Moves, runs: StandInRuns) -> None:
    visit = await runs.desk.book("09:00")
    runs.answers = [SlotTaken()]
    order = replace(to("10:00", visit), key="one")
    with pytest.raises(SlotTaken) as first:
        await moves.move(order)

    with pytest.raises(ReplayedRefusal) as second:
        await moves.move(order)

    assert second.value.refusal.refusal == first.value.refusal
    assert len(runs.begun) == 1


async def test_of_two_bodies_sent_with_one_key_at_once_one_is_refused(
    moves: Moves, runs: StandInRuns
) -> None:
    visit = await runs.desk.book("09:00")
    orders = [replace(to(clock, visit), key="one") for clock in ("09:30", "10:00")]

    outcomes = await asyncio.gather(*map(moves.move, orders), return_exceptions=True)

    assert sorted(type(each).__name__ for each in outcomes) == ["IdempotencyKeyReused", "Moved"]


async def test_others_that_are_offered_leave_out_what_the_visit_itself_takes(
    moves: Moves, runs: StandInRuns, clinic: Clinic
) -> None:
    """Its own time with this doctor is no other one; a colleague's at the same time is."""
    colleague = await clinic.hire()
    await clinic.on_duty(at("09:00"), at("10:00"), doctor_id=colleague)
    visit = await runs.desk.book("09:00")
    await runs.desk.book("09:30")

    with pytest.raises(SlotTaken) as refused:
        await moves.move(to("09:30", visit))

    offered = {
        (each.doctor_id, each.starts_at) for each in refused.value.refusal.alternatives or []
    }
    assert (colleague, at("09:00")) in offered
    assert (visit.doctor_id, at("09:00")) not in offered
