"""What rows say of campaigns and of answers reaches the runs that wait for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from adapters.postgres.campaign_rows import Pace
from adapters.postgres.campaign_runs import unfinished_campaigns
from adapters.postgres.notifications import Channel, Notifications
from domain.campaign import ReofferOrder, campaign_workflow_id, reoffer_workflow_id
from domain.events import appointment_offered
from tests.clinic_rows import Clinic
from tests.integration.test_offers import Leave, on_leave
from worker.campaign_keeper import begin_lost_campaigns, begin_lost_offers, keep_campaigns
from workflows.names import CAMPAIGNS
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
        await begin_lost_campaigns(stand_ins, clinic.database)

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


async def asked_before(leave: Leave, order: ReofferOrder | None = None, *, minutes: int) -> None:
    """The patient has the message of the offer."""
    made = await leave.offered(order)
    event = appointment_offered(made.offer, made.visit)
    await Notifications(leave.clinic.database).begin(event, [Channel.EMAIL])
    await grows_old(leave, minutes=minutes)


async def grows_old(leave: Leave, *, minutes: int) -> None:
    await leave.clinic.execute(
        "UPDATE campaign_visits SET asked_at = asked_at - make_interval(mins => :minutes)"
        " WHERE appointment_id = :id",
        id=leave.visit_id,
        minutes=minutes,
    )


async def begun_with(client: Client, order: ReofferOrder) -> tuple[str, ReofferOrder]:
    """The queue and the order of the run, which the test then ends."""
    run = client.get_workflow_handle(reoffer_workflow_id(order))
    first = (await run.fetch_history()).events[0].workflow_execution_started_event_attributes
    [order] = await client.data_converter.decode(first.input.payloads, [ReofferOrder])
    await run.terminate()
    return first.task_queue.name, order


async def test_an_offer_whose_run_is_lost_is_waited_for_by_a_new_one_that_hears_the_answer(
    clinic: Clinic, stand_ins: Client
) -> None:
    """As after a restore of Temporal: whoever was asked is reminded, and judged, as was said."""
    leave = await on_leave(clinic)
    await asked_before(leave, minutes=60)
    run = stand_ins.get_workflow_handle(reoffer_workflow_id(leave.order))

    async with keeping(stand_ins, clinic):
        await eventually_begun(run)
        await begin_lost_offers(stand_ins, clinic.database)
        silent = await words_to(run)
        await clinic.becomes(leave.order.offer_id, "cancelled")
        await hears(run, "answered")

    assert silent == set(), "one that is at work hears nothing"
    expected = replace(leave.order, is_asked=True)
    assert await begun_with(stand_ins, leave.order) == (CAMPAIGNS, expected)
    await stand_ins.get_workflow_handle(campaign_workflow_id(leave.campaign_id)).terminate()


async def test_the_run_of_a_further_offer_is_begun_anew_in_its_round(
    clinic: Clinic, stand_ins: Client
) -> None:
    leave = await on_leave(clinic)
    await asked_before(leave, minutes=60)
    await leave.declined()
    await asked_before(leave, leave.order_of(2), minutes=60)

    await begin_lost_offers(stand_ins, clinic.database)

    expected = replace(leave.order_of(2), is_asked=True)
    assert await begun_with(stand_ins, leave.order) == (CAMPAIGNS, expected)


async def test_who_has_no_message_of_the_offer_yet_is_asked_by_the_new_run(
    clinic: Clinic, stand_ins: Client
) -> None:
    """The run was lost between the row and the word: nobody is judged who was not asked."""
    leave = await on_leave(clinic)
    await leave.offered()
    await grows_old(leave, minutes=60)

    await begin_lost_offers(stand_ins, clinic.database)

    assert await begun_with(stand_ins, leave.order) == (CAMPAIGNS, leave.order)


async def answers(leave: Leave) -> None:
    await leave.clinic.becomes(leave.order.offer_id, "cancelled")


async def is_asked_now(leave: Leave) -> None:
    await grows_old(leave, minutes=-60)


@pytest.mark.parametrize(
    "happens",
    [
        answers,
        is_cancelled,
        is_asked_now,
        Leave.begins,
        lambda leave: leave.pace(Pace.STOPPED),
    ],
    ids=["answered", "cancelled", "young", "begun", "stopped"],
)
async def test_no_run_is_begun_for_an_offer_of_which_there_is_nothing_to_wait_for(
    clinic: Clinic, stand_ins: Client, happens: Callable[[Leave], Awaitable[object]]
) -> None:
    leave = await on_leave(clinic)
    await asked_before(leave, minutes=60)
    await happens(leave)

    await begin_lost_offers(stand_ins, clinic.database)

    assert not await is_begun(stand_ins.get_workflow_handle(reoffer_workflow_id(leave.order)))


async def test_the_run_of_an_offer_that_somebody_has_ended_is_not_begun_again(
    clinic: Clinic, stand_ins: Client
) -> None:
    leave = await on_leave(clinic)
    await asked_before(leave, minutes=60)
    await begin_lost_offers(stand_ins, clinic.database)
    run = stand_ins.get_workflow_handle(reoffer_workflow_id(leave.order))
    first = (await run.describe()).run_id
    await run.terminate()

    await begin_lost_offers(stand_ins, clinic.database)

    assert (await run.describe()).run_id == first


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
