"""What rows say of campaigns and of answers reaches the runs that wait for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from adapters.postgres.campaign_rows import Pace
from adapters.postgres.campaign_runs import unfinished_campaigns
from domain.campaign import campaign_workflow_id, reoffer_workflow_id
from tests.clinic_rows import Clinic
from tests.integration.test_offers import Leave, on_leave
from worker.campaign_keeper import begin_anew, keep_campaigns
from workflows.reoffer_visit import ReofferVisit

SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
NOBODY_POLLS = "nobody polls this queue"


@asynccontextmanager
async def keeping(client: Client, clinic: Clinic) -> AsyncIterator[None]:
    task = asyncio.create_task(keep_campaigns(client, clinic.database))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


@pytest.fixture
async def keeper(clinic: Clinic, stand_ins: Client) -> AsyncIterator[Client]:
    async with keeping(stand_ins, clinic):
        yield stand_ins


async def hears(run: WorkflowHandle[Any, Any], word: str) -> None:
    async with asyncio.timeout(20):
        while word not in await words_to(run):  # noqa: ASYNC110 - a run that is told raises no event
            await asyncio.sleep(0.1)


async def eventually_begun(run: WorkflowHandle[Any, Any]) -> None:
    async with asyncio.timeout(20):
        while not await is_begun(run):  # noqa: ASYNC110 - a run that is begun raises no event
            await asyncio.sleep(0.1)


async def is_begun(run: WorkflowHandle[Any, Any]) -> bool:
    try:
        await run.describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


async def words_to(run: WorkflowHandle[Any, Any]) -> set[str]:
    """The signals that it got; none where there is no such run yet."""
    try:
        events = (await run.fetch_history()).events
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return set()
    told = (each for each in events if each.event_type == SIGNALED)
    return {each.workflow_execution_signaled_event_attributes.signal_name for each in told}


async def everybody_has_heard(leave: Leave) -> bool:
    """In the end the rows have no answer that is still to be told."""
    async with asyncio.timeout(20):
        while await leave.unheard():  # noqa: ASYNC110 - rows raise no event
            await asyncio.sleep(0.1)
    return True


async def test_a_campaign_is_begun_by_its_row_and_an_answer_reaches_the_run_that_asked(
    clinic: Clinic, keeper: Client
) -> None:
    leave = await on_leave(clinic)
    await leave.offered()
    run_id = reoffer_workflow_id(leave.order)
    asking = await keeper.start_workflow(
        ReofferVisit.run, leave.order, id=run_id, task_queue=NOBODY_POLLS
    )
    campaign = keeper.get_workflow_handle(campaign_workflow_id(leave.campaign_id))
    await hears(campaign, "look")
    before = await words_to(asking)

    await clinic.becomes(leave.order.offer_id, "cancelled")
    await hears(asking, "answered")

    assert before == set(), "nobody has answered yet"
    assert await everybody_has_heard(leave)
    for run in (asking, campaign):
        await run.terminate()


async def test_a_campaign_whose_run_is_lost_is_begun_anew_while_somebody_is_left(
    clinic: Clinic, stand_ins: Client
) -> None:
    """As after a restore of Temporal: the rows say that a run has heard of it."""
    leave = await on_leave(clinic)
    await clinic.execute(
        "UPDATE campaigns SET seen_version = version WHERE id = :id", id=leave.campaign_id
    )
    campaign = stand_ins.get_workflow_handle(campaign_workflow_id(leave.campaign_id))

    async with keeping(stand_ins, clinic):
        await eventually_begun(campaign)
    for _ in range(2):
        await begin_anew(stand_ins, clinic.database)

    assert len((await campaign.fetch_history()).events) == 2, "one that is at work hears nothing"
    await campaign.terminate()


async def nothing(_leave: Leave) -> None:
    """The visit is left."""


async def is_cancelled(leave: Leave) -> None:
    await leave.clinic.becomes(leave.visit_id, "cancelled")


@pytest.mark.parametrize(
    ("happens", "is_unfinished"),
    [
        (nothing, True),
        (Leave.offered, False),
        (is_cancelled, False),
        (Leave.begins, False),
        (lambda leave: leave.pace(Pace.PAUSED), False),
    ],
    ids=["left", "offered", "cancelled", "begun", "paused"],
)
async def test_a_campaign_is_unfinished_while_it_runs_and_somebody_is_to_be_asked(
    clinic: Clinic, happens: Callable[[Leave], Awaitable[object]], *, is_unfinished: bool
) -> None:
    leave = await on_leave(clinic)

    await happens(leave)

    found = await unfinished_campaigns(clinic.database)
    assert (leave.campaign_id in found) is is_unfinished


async def test_an_answer_to_a_run_that_has_ended_is_not_told_for_ever(
    clinic: Clinic, keeper: Client
) -> None:
    leave = await on_leave(clinic)
    await leave.offered()

    await clinic.becomes(leave.order.offer_id, "cancelled")

    assert await everybody_has_heard(leave)
    campaign = keeper.get_workflow_handle(campaign_workflow_id(leave.campaign_id))
    await eventually_begun(campaign)
    await campaign.terminate()
