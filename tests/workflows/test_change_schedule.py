"""Campaigns on a real Temporal server that skips time, over a campaign in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import EventType as Kind
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from api.booking.story import METADATA
from domain.booking import Status
from domain.campaign import CampaignOrder, ReofferOrder, Verdict, campaign_workflow_id
from domain.campaign import reoffer_workflow_id as offer_run_id
from domain.events import EventType, reschedule_workflow_id
from tests.fakes.campaigns import LONG, PAUSED, FakeCampaign, rows_of, visits
from tests.workflows.conftest import PATIENTLY, FrontDesk, Record, eventually
from worker.sandbox import sandboxed_runner
from workflows.change_schedule import LOOK_AGAIN_AFTER, ChangeSchedule
from workflows.reoffer_visit import ReofferVisit

HALF = timedelta(seconds=LONG / 2 + 600)
"""And more than a busy machine takes for the steps between two timers, when real time goes on."""


@workflow.defn(name="ReofferVisit", sandboxed=False)
class WithoutAnEnd(ReofferVisit):
    """Before a run went on in a new one."""

    @workflow.init
    def __init__(self, order: ReofferOrder) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: ReofferOrder) -> str:
        return await super().run(order)

    def _go_on_in_a_new_run_if_long(self) -> None:
        return


@asynccontextmanager
async def running(
    desk: FrontDesk, campaign: FakeCampaign, offers: type[ReofferVisit] = ReofferVisit
) -> AsyncIterator[None]:
    async with Worker(
        desk.environment.client,
        task_queue=campaign.queue,
        workflows=[ChangeSchedule, offers],
        activities=[
            campaign.look_at_campaign,
            campaign.offer_another_time,
            campaign.judge_offer,
            desk.clinic.publish_event,
            desk.clinic.invalidate_schedule,
        ],
        workflow_runner=sandboxed_runner(),
        max_cached_workflows=0,
    ):
        yield


async def begun(
    desk: FrontDesk, campaign: FakeCampaign
) -> WorkflowHandle[ChangeSchedule, dict[str, int]]:
    campaign_id = uuid4()
    return await desk.environment.client.start_workflow(
        ChangeSchedule.run,
        CampaignOrder(campaign_id=campaign_id),
        id=campaign_workflow_id(campaign_id),
        task_queue=campaign.queue,
    )


def offer_run(
    environment: WorkflowEnvironment,
    run: WorkflowHandle[ChangeSchedule, dict[str, int]],
    of: object,
) -> WorkflowHandle[ReofferVisit, str]:
    campaign = run.id.removeprefix("campaign-")
    return environment.client.get_workflow_handle_for(ReofferVisit.run, f"reoffer-{campaign}-{of}")


async def looks_again(run: WorkflowHandle[ChangeSchedule, dict[str, int]]) -> None:
    """A campaign that has found out already, and ended, need not hear."""
    try:
        await run.signal(ChangeSchedule.look)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def hears(run: WorkflowHandle[ReofferVisit, str]) -> None:
    """That there is an answer. A client whose signal arrived, though the reply did not, sends it
    again, to a run that has ended meanwhile.
    """
    try:
        await run.signal(ReofferVisit.answered)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


def offered(desk: FrontDesk, type_: EventType = EventType.OFFERED) -> int:
    """By their ids: a step that is run again says the same again."""
    return len({event.event_id for event in desk.clinic.events if event.type is type_})


async def test_everybody_is_asked_once_and_reminded_and_silence_ends_on_the_call_list(
    desk: FrontDesk, record: Record
) -> None:
    everybody = visits(5)
    campaign = FakeCampaign(left=list(everybody))
    async with running(desk, campaign):
        run = await begun(desk, campaign)
        await eventually(lambda: offered(desk) == 5)
        for each in everybody:
            child = offer_run(desk.environment, run, each)
            await desk.environment.fast_forward(child, HALF)
            await desk.environment.fast_forward(child, HALF)
            assert await child.result() == Verdict.CALL
        async with asyncio.timeout(PATIENTLY):
            assert await run.result() == {"left": 0, "asked": 0, "silent": 5}

    assert offered(desk) == offered(desk, EventType.REOFFERED) == 5
    await record("campaign-of-five", run)
    await record("offer-left-to-lapse", offer_run(desk.environment, run, everybody[0]))


async def test_a_patient_who_answers_is_not_reminded(desk: FrontDesk, record: Record) -> None:
    [visit] = visits(1)
    campaign = FakeCampaign(left=[visit])
    async with running(desk, campaign):
        run = await begun(desk, campaign)
        await eventually(lambda: offered(desk) == 1)
        campaign.answered.add(visit)
        child = offer_run(desk.environment, run, visit)
        await hears(child)
        async with asyncio.timeout(PATIENTLY):
            assert await child.result() == Verdict.ANSWERED
            await run.result()

    assert offered(desk, EventType.REOFFERED) == 0
    await record("offer-answered", child)


async def test_who_declines_is_offered_other_times_once_a_round(
    desk: FrontDesk, record: Record
) -> None:
    [visit] = visits(1)
    campaign = FakeCampaign(left=[visit])
    async with running(desk, campaign):
        run = await begun(desk, campaign)
        await eventually(lambda: offered(desk) == 1)
        campaign.declined.add(visit)
        child = offer_run(desk.environment, run, visit)
        await hears(child)
        await eventually(lambda: offered(desk) == 2)
        campaign.answered.add(visit)
        await hears(child)
        async with asyncio.timeout(PATIENTLY):
            assert await child.result() == Verdict.ANSWERED

    told = [event.appointment_id for event in desk.clinic.events]
    assert len(set(told)) == len(told) == 2, "each round has an offer of its own"
    await record("offer-declined", child)


async def test_who_declines_where_nothing_else_is_free_is_called(
    desk: FrontDesk, record: Record
) -> None:
    [visit] = visits(1)
    campaign = FakeCampaign(left=[visit], nothing_else_free=True)
    async with running(desk, campaign):
        run = await begun(desk, campaign)
        await eventually(lambda: offered(desk) == 1)
        campaign.declined.add(visit)
        child = offer_run(desk.environment, run, visit)
        await hears(child)
        async with asyncio.timeout(PATIENTLY):
            assert await child.result() == Verdict.ANSWERED
        campaign.settled.add(visit)
        await looks_again(run)
        async with asyncio.timeout(PATIENTLY):
            await run.result()

    assert offered(desk) == 1
    await record("offer-declined-for-good", child)


async def test_a_hint_without_an_answer_brings_no_reminder_forward(
    desk: FrontDesk, record: Record
) -> None:
    [visit] = visits(1)
    campaign = FakeCampaign(left=[visit], too_early=1)
    async with running(desk, campaign):
        run = await begun(desk, campaign)
        await eventually(lambda: offered(desk) == 1)
        child = offer_run(desk.environment, run, visit)
        await eventually_waits(child, nth=1)
        await hears(child)
        await eventually_waits(child, nth=2)
        early = offered(desk, EventType.REOFFERED)
        await desk.environment.fast_forward(child, HALF)
        await eventually(lambda: offered(desk, EventType.REOFFERED) == 1)
        await desk.environment.fast_forward(child, HALF)
        assert await child.result() == Verdict.CALL

    assert early == 0
    await record("offer-hinted-at", child)


async def test_a_hint_after_the_reminder_reminds_nobody_again(desk: FrontDesk) -> None:
    [visit] = visits(1)
    campaign = FakeCampaign(left=[visit], after_the_reminder=1)
    async with running(desk, campaign):
        run = await begun(desk, campaign)
        await eventually(lambda: offered(desk) == 1)
        child = offer_run(desk.environment, run, visit)
        await desk.environment.fast_forward(child, HALF)
        await eventually(lambda: offered(desk, EventType.REOFFERED) == 1)
        await hears(child)
        await eventually(lambda: campaign.after_the_reminder == 0)
        await desk.environment.fast_forward(child, HALF)
        assert await child.result() == Verdict.CALL

    assert [event.type for event in desk.clinic.events].count(EventType.REOFFERED) == 1


@pytest.mark.parametrize(
    ("verdict", "event", "name"),
    [
        (Verdict.MOVE, EventType.RESCHEDULED, "offer-moved"),
        (Verdict.CANCEL, EventType.CANCELLED, "offer-cancelled"),
    ],
)
async def test_silence_ends_as_the_clinic_has_said(
    desk: FrontDesk, record: Record, verdict: Verdict, event: EventType, name: str
) -> None:
    [visit] = visits(1)
    campaign = FakeCampaign(left=[visit], verdict=verdict)
    async with running(desk, campaign):
        run = await begun(desk, campaign)
        await eventually(lambda: offered(desk) == 1)
        desk.clinic.rows |= rows_of(campaign)
        child = offer_run(desk.environment, run, visit)
        await desk.environment.fast_forward(child, HALF)
        await desk.environment.fast_forward(child, HALF)
        assert await child.result() == verdict

    assert desk.clinic.events[-1].type is event
    expected = Status.CANCELLED if verdict is Verdict.CANCEL else Status.CONFIRMED
    assert desk.clinic.rows[visit].status is expected
    await record(name, child)  # recorded by two names


async def test_a_paused_campaign_asks_nobody_else_until_it_goes_on(
    desk: FrontDesk, record: Record
) -> None:
    everybody = visits(3)
    campaign = FakeCampaign(left=list(everybody), pace="paused")
    async with running(desk, campaign):
        run = await begun(desk, campaign)
        await eventually_looked(run)
        before, parts = offered(desk), await run.query(ChangeSchedule.progress)
        shown = await run.query(METADATA, result_type=WorkflowMetadata)
        campaign.pace = "running"
        await looks_again(run)
        await eventually(lambda: offered(desk) == 3)
        campaign.pace = "stopped"
        await looks_again(run)
        async with asyncio.timeout(PATIENTLY):
            await run.result()

    assert before == 0
    assert parts == {"left": 3, "asked": 0, "silent": 0}
    assert shown.current_details == "**paused**\n\n- left: 3\n- asked: 0\n- silent: 0"
    await record("campaign-paused", run)


async def test_whoever_was_asked_before_a_long_pause_is_told_nothing_twice(
    desk: FrontDesk, record: Record
) -> None:
    [visit] = visits(1)
    campaign = FakeCampaign(left=[visit])
    order = ReofferOrder(campaign_id=uuid4(), appointment_id=visit, longest_history=60)
    async with running(desk, campaign):
        run = await desk.environment.client.start_workflow(
            ReofferVisit.run, order, id=offer_run_id(order), task_queue=campaign.queue
        )
        await eventually(lambda: offered(desk) == 1)
        campaign.pace = "paused"
        first = await eventually_went_on(desk, run)
        campaign.pace = "running"
        for _ in range(2):
            await desk.environment.fast_forward(run, HALF)
        async with asyncio.timeout(30):
            assert await run.result() == Verdict.CALL

    said = [event.type for event in desk.clinic.events]
    assert said == [EventType.OFFERED, EventType.REOFFERED]
    await record("offer-paused-for-long", first)


async def test_who_declines_after_a_long_pause_is_asked_once_more(desk: FrontDesk) -> None:
    [visit] = visits(1)
    campaign = FakeCampaign(left=[visit])
    order = ReofferOrder(campaign_id=uuid4(), appointment_id=visit, longest_history=40)
    async with running(desk, campaign):
        run = await desk.environment.client.start_workflow(
            ReofferVisit.run, order, id=offer_run_id(order), task_queue=campaign.queue
        )
        await eventually(lambda: offered(desk) == 1)
        campaign.pace = "paused"
        await desk.environment.fast_forward(run, timedelta(seconds=LONG / 2))
        await eventually_went_on(desk, run, by=timedelta(minutes=5))
        campaign.pace = "running"
        campaign.declined.add(visit)
        latest = desk.environment.client.get_workflow_handle_for(ReofferVisit.run, run.id)
        await latest.signal(ReofferVisit.answered)

        await eventually(lambda: offered(desk) == 2)
        await latest.terminate()


async def test_a_run_that_was_long_before_runs_went_on_in_new_ones_does_so_as_well(
    desk: FrontDesk,
) -> None:
    [visit] = visits(1)
    campaign = FakeCampaign(left=[visit])
    order = ReofferOrder(campaign_id=uuid4(), appointment_id=visit, longest_history=40)
    async with running(desk, campaign, WithoutAnEnd):
        run = await desk.environment.client.start_workflow(
            ReofferVisit.run, order, id=offer_run_id(order), task_queue=campaign.queue
        )
        await eventually(lambda: offered(desk) == 1)
        campaign.pace = "paused"
        await desk.environment.fast_forward(run, timedelta(seconds=LONG / 2 + 4 * PAUSED))
        await eventually(lambda: campaign.looks_while_paused > 3)
    length = (await run.describe()).history_length
    async with running(desk, campaign):
        await eventually_went_on(desk, run, by=timedelta(minutes=5))
        await run.terminate()

    assert length > order.longest_history


async def test_a_visit_that_need_not_be_asked_leaves_the_window(
    desk: FrontDesk, record: Record
) -> None:
    order = ReofferOrder(campaign_id=uuid4(), appointment_id=uuid4())
    campaign = FakeCampaign(left=[], pace="stopped")
    async with running(desk, campaign):
        ended = await desk.environment.client.execute_workflow(
            ReofferVisit.run, order, id=offer_run_id(order), task_queue=campaign.queue
        )

    assert ended == "not asked"
    handle = desk.environment.client.get_workflow_handle_for(ReofferVisit.run, offer_run_id(order))
    await record("offer-not-made", handle)


async def test_a_campaign_whose_news_was_lost_looks_again_by_itself(desk: FrontDesk) -> None:
    campaign = FakeCampaign(left=visits(1), pace="paused")
    async with running(desk, campaign):
        run = await begun(desk, campaign)
        await eventually_looked(run)
        campaign.pace = "stopped"
        campaign.left.clear()
        await desk.environment.fast_forward(run, LOOK_AGAIN_AFTER + timedelta(seconds=1))
        async with asyncio.timeout(PATIENTLY):
            parts = await run.result()

    assert parts == {"left": 0, "asked": 0, "silent": 0}


async def test_who_is_being_asked_already_is_asked_again_when_that_run_is_over(
    desk: FrontDesk,
) -> None:
    [visit] = visits(1)
    campaign = FakeCampaign(left=[visit])
    order = ReofferOrder(campaign_id=uuid4(), appointment_id=visit)
    client = desk.environment.client
    other = await client.start_workflow(
        ReofferVisit.run, order, id=offer_run_id(order), task_queue="nobody"
    )
    async with running(desk, campaign):
        run = await client.start_workflow(
            ChangeSchedule.run,
            CampaignOrder(campaign_id=order.campaign_id),
            id=campaign_workflow_id(order.campaign_id),
            task_queue=campaign.queue,
        )
        await eventually_refused(run)
        meanwhile = offered(desk)
        await other.terminate()
        await looks_again(run)
        await eventually(lambda: offered(desk) == 1)
        campaign.answered.add(visit)
        await hears(client.get_workflow_handle_for(ReofferVisit.run, offer_run_id(order)))
        async with asyncio.timeout(PATIENTLY):
            await run.result()

    assert meanwhile == 0


async def test_a_visit_that_somebody_else_is_moving_is_left_to_them(
    desk: FrontDesk, record: Record
) -> None:
    [visit] = visits(1)
    campaign = FakeCampaign(left=[visit], verdict=Verdict.MOVE)
    await desk.environment.client.start_workflow(
        "RescheduleAppointment", id=reschedule_workflow_id(visit, 2), task_queue="nobody"
    )
    async with running(desk, campaign):
        run = await begun(desk, campaign)
        await eventually(lambda: offered(desk) == 1)
        child = offer_run(desk.environment, run, visit)
        await desk.environment.fast_forward(child, HALF)
        await desk.environment.fast_forward(child, HALF)
        assert await child.result() == Verdict.MOVE

    assert offered(desk, EventType.RESCHEDULED) == 0
    await record("offer-of-a-visit-in-other-hands", child)


async def test_a_long_campaign_goes_on_in_a_new_run(desk: FrontDesk, record: Record) -> None:
    everybody = visits(4)
    campaign = FakeCampaign(left=list(everybody))
    campaign_id = uuid4()
    async with running(desk, campaign):
        first = await desk.environment.client.start_workflow(
            ChangeSchedule.run,
            CampaignOrder(campaign_id=campaign_id, longest_history=30),
            id=campaign_workflow_id(campaign_id),
            task_queue=campaign.queue,
        )
        await eventually(lambda: offered(desk) == 4)
        campaign.answered |= set(everybody)
        for each in everybody:
            await hears(offer_run(desk.environment, first, each))
        async with asyncio.timeout(PATIENTLY):
            parts = await first.result()
        chain = desk.environment.client.get_workflow_handle(
            first.id, run_id=first.first_execution_run_id
        )
        status = (await chain.describe()).status
    await record("campaign-went-on", chain)

    assert offered(desk) == 4, "each is asked once"
    assert parts == {"left": 0, "asked": 0, "silent": 4}
    assert status is WorkflowExecutionStatus.CONTINUED_AS_NEW


async def eventually_looked(run: WorkflowHandle[ChangeSchedule, dict[str, int]]) -> None:
    async with asyncio.timeout(PATIENTLY):
        while not await run.query(ChangeSchedule.progress):  # noqa: ASYNC110 - a query raises no event
            await asyncio.sleep(0.05)


async def eventually_went_on(
    desk: FrontDesk, run: WorkflowHandle[ReofferVisit, str], *, by: timedelta = HALF
) -> WorkflowHandle[ReofferVisit, str]:
    """In a new run: the one that has ended. Each minute of the pause it has looked."""
    first = desk.environment.client.get_workflow_handle_for(
        ReofferVisit.run, run.id, run_id=run.first_execution_run_id
    )
    for _ in range(2):
        await desk.environment.fast_forward(run, by)
        if (await first.describe()).status is WorkflowExecutionStatus.CONTINUED_AS_NEW:
            return first
    events = (await run.describe()).history_length
    pytest.fail(f"the run has {events} events, and more with each minute of the pause")


async def eventually_waits(run: WorkflowHandle[ReofferVisit, str], *, nth: int) -> None:
    """For the nth time: what it does before that is done."""
    began = Kind.EVENT_TYPE_TIMER_STARTED
    async with asyncio.timeout(PATIENTLY):
        while [each.event_type async for each in run.fetch_history_events()].count(began) < nth:  # noqa: ASYNC110 - a server raises no event
            await asyncio.sleep(0.1)


async def eventually_refused(run: WorkflowHandle[ChangeSchedule, dict[str, int]]) -> None:
    """Its child was not begun, for another run has its id."""
    refused = Kind.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED
    async with asyncio.timeout(PATIENTLY):
        while refused not in [event.event_type async for event in run.fetch_history_events()]:  # noqa: ASYNC110 - a server raises no event
            await asyncio.sleep(0.05)
