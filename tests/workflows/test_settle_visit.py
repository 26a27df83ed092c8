"""The mark of attendance on a real Temporal server, over the clinic in memory."""

from temporalio.client import WorkflowHandle

from bench.run_costs import cost_of
from domain.attendance import Mark, Settlement
from domain.booking import Result, Status
from domain.errors import WrongState
from domain.events import settle_workflow_id
from tests.builders import a_settlement
from tests.workflows.conftest import FrontDesk, Record
from tests.workflows.test_reschedule_appointment import a_confirmed_visit
from workflows.settle_visit import SettleVisit


def mark_of(desk: FrontDesk, asked: Settlement) -> WorkflowHandle[SettleVisit, Result]:
    return desk.environment.client.get_workflow_handle_for(
        SettleVisit.run, settle_workflow_id(asked.appointment_id, asked.version)
    )


async def test_a_mark_is_shown_on_the_day_and_is_no_event(desk: FrontDesk, record: Record) -> None:
    asked = a_settlement(await a_confirmed_visit(desk), Mark.ARRIVE)

    outcome = await desk.runs.settle(asked)

    assert (outcome.appointment.status, outcome.appointment.version) == (Status.ARRIVED, 3)
    assert await mark_of(desk, asked).result() == Result(status=Status.ARRIVED)
    assert desk.clinic.calls == ["settle_visit", "invalidate_schedule"]
    assert desk.clinic.acted[-2] == ("settle_visit", asked.actor)
    cost = cost_of(await record("arrived", mark_of(desk, asked)))
    assert (cost.workflow_tasks, cost.upserts) == (1, 0)


async def test_a_refused_mark_changes_nothing(desk: FrontDesk, record: Record) -> None:
    visit = await a_confirmed_visit(desk)
    asked = a_settlement(visit, Mark.NO_SHOW)
    desk.clinic.refuse("settle_visit", WrongState())

    outcome = await desk.runs.settle(asked)

    assert outcome.refusal is not None
    assert outcome.refusal.code == "wrong_state"
    ended = await mark_of(desk, asked).result()
    assert (ended.status, ended.code) == (Status.CONFIRMED, "wrong_state")
    assert desk.clinic.calls == ["settle_visit"]
    await record("mark-refused", mark_of(desk, asked))
