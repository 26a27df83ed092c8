"""The mark of attendance on a real Temporal server, over the clinic in memory."""

import asyncio

from temporalio.client import WorkflowHandle

from bench.run_costs import cost_of
from domain.attendance import Mark, Settlement
from domain.booking import Result, Status
from domain.errors import WrongState
from domain.events import settle_workflow_id
from tests.builders import a_settlement
from tests.workflows.conftest import PATIENTLY, FrontDesk, Record
from tests.workflows.test_reschedule_appointment import a_confirmed_visit
from workflows.names import APPOINTMENT_STATUS
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
    found = (await mark_of(desk, asked).describe()).typed_search_attributes
    assert found[APPOINTMENT_STATUS] == Status.CONFIRMED
    await record("refused-mark-keeps-its-status", mark_of(desk, asked))


async def test_a_temporal_cancel_does_not_break_a_mark_off(desk: FrontDesk, record: Record) -> None:
    asked = a_settlement(await a_confirmed_visit(desk), Mark.COMPLETE)
    redis_is_back = desk.clinic.close_gate("invalidate_schedule")
    await desk.runs.settle(asked)

    await mark_of(desk, asked).cancel()
    redis_is_back.set()

    assert await mark_of(desk, asked).result() == Result(status=Status.COMPLETED)
    await record("mark-not-stopped", mark_of(desk, asked))


async def test_a_broken_database_delays_the_mark(desk: FrontDesk, record: Record) -> None:
    asked = a_settlement(await a_confirmed_visit(desk), Mark.NO_SHOW)
    desk.clinic.break_down("settle_visit", times=3)

    async with asyncio.timeout(PATIENTLY):
        outcome = await desk.runs.settle(asked)

    assert outcome.appointment.status is Status.NO_SHOW
    await mark_of(desk, asked).result()
    await record("mark-retried", mark_of(desk, asked))


async def test_with_redis_away_the_mark_is_shown_by_the_queue(
    desk: FrontDesk, record: Record
) -> None:
    asked = a_settlement(await a_confirmed_visit(desk), Mark.ARRIVE)
    desk.clinic.break_down("invalidate_schedule", times=2)

    await desk.runs.settle(asked)

    assert await mark_of(desk, asked).result() == Result(status=Status.ARRIVED)
    assert desk.clinic.calls == ["settle_visit", *["invalidate_schedule"] * 3]
    await record("marked-without-redis", mark_of(desk, asked))
