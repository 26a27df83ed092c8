"""What the API says to a move before, beside and after its run."""

from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

import pytest

from api.booking.move import MoveOrder, Moves
from api.booking.run_summary import RunSummary
from api.booking.temporal_errors import NoAnswer, NoRun
from domain.actors import ANYONE
from domain.booking import Appointment, Move, Outcome, Result, Status, asked_for
from domain.errors import AppointmentNotFound, NotConfirmed, PatientBusy, Refused, SlotTaken
from tests.builders import a_request, an_appointment
from tests.clinic_rows import Clinic, at
from tests.integration.test_moves import Desk


@dataclass
class StandInRuns:
    """Runs that answer with what a test has said, one after another."""

    desk: Desk
    answers: list[Refused | Exception | str] = field(default_factory=list)
    known: RunSummary | None = None
    begun: list[Move] = field(default_factory=list)

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

    async def summary(self, _appointment_id: UUID) -> RunSummary:
        if self.known is None:
            raise NoRun
        return self.known


@pytest.fixture
def runs(clinic: Clinic) -> StandInRuns:
    return StandInRuns(Desk(clinic))


@pytest.fixture
def moves(clinic: Clinic, runs: StandInRuns) -> Moves:
    return Moves(clinic.database, runs)


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


async def test_another_day_or_doctor_is_said_to_the_run(
    moves: Moves, runs: StandInRuns, clinic: Clinic
) -> None:
    colleague = await clinic.hire()
    await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=colleague)
    visit = await runs.desk.book("09:00")

    here = await moves.move(to("09:30", visit))
    await moves.move(replace(to("10:00", here), doctor_id=colleague))

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

    assert (await moves.move(to("10:00", visit))).starts_at == at("10:00")


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
