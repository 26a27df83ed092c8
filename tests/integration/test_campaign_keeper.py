"""What rows say of campaigns and of answers reaches the runs that wait for it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from domain.campaign import campaign_workflow_id, reoffer_workflow_id
from tests.clinic_rows import Clinic
from tests.integration.test_offers import Leave, on_leave
from worker.campaign_keeper import keep_campaigns
from workflows.reoffer_visit import ReofferVisit

SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
NOBODY_POLLS = "nobody polls this queue"


@pytest.fixture
async def keeper(clinic: Clinic, stand_ins: Client) -> AsyncIterator[Client]:
    keeping = asyncio.create_task(keep_campaigns(stand_ins, clinic.database))
    yield stand_ins
    keeping.cancel()
    await asyncio.wait((keeping,))


async def hears(run: WorkflowHandle[Any, Any], word: str) -> None:
    async with asyncio.timeout(20):
        while word not in await words_to(run):  # noqa: ASYNC110 - a run that is told raises no event
            await asyncio.sleep(0.1)


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


async def test_an_answer_to_a_run_that_has_ended_is_not_told_for_ever(
    clinic: Clinic, keeper: Client
) -> None:
    leave = await on_leave(clinic)
    await leave.offered()

    await clinic.becomes(leave.order.offer_id, "cancelled")

    assert await everybody_has_heard(leave)
    campaign = keeper.get_workflow_handle(campaign_workflow_id(leave.campaign_id))
    await campaign.terminate()
