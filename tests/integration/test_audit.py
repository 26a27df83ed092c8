"""The whole audit and its schedule, on a real database, beside real runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import (
    ScheduleActionExecutionStartWorkflow,
    ScheduleHandle,
    WorkflowFailureError,
)
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from adapters.redis.cache import CHANNEL, connect_redis
from adapters.temporal.schedules import keep_schedule
from domain.audit import AuditReport, Trail
from tests.clinic_rows import at
from tests.integration.audit_office import ORDER, RUNS, Office, StandIn
from worker.audit_schedule import ensure_audits
from worker.workers import audits_worker
from workflows.audit_bookings import AuditBookings
from workflows.names import APPOINTMENT_START, APPOINTMENT_STATUS, AUDIT_SCHEDULE, AUDITS

pytestmark = pytest.mark.unmeasured

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@asynccontextmanager
async def working(office: Office) -> AsyncIterator[None]:
    async with audits_worker(office.client, audit=office.audit):
        yield


async def audited(office: Office) -> AuditReport:
    return await office.client.execute_workflow(
        AuditBookings.run, ORDER, id=f"audit-{uuid4()}", task_queue=AUDITS
    )


async def test_an_audit_mends_what_it_may_and_the_next_one_finds_nothing(
    office: Office, cache_url: str
) -> None:
    visit = await office.books.confirmed("09:00")
    lapsed = await office.books.held("09:30", lasts=timedelta(seconds=-10))
    orphan = await office.books.held("10:00")
    listener = connect_redis(cache_url, name="audit-listener")
    subscription = listener.pubsub()
    await subscription.subscribe(CHANNEL)

    async with working(office):
        first, second = [await audited(office) for _ in range(2)]

    assert set(first.mended) == {visit, lapsed, orphan}
    assert first.events_published == 1
    assert first.lapsed_holds_expired == 1
    assert first.orphaned_holds_released == 1
    assert first.days_refreshed
    assert second.mended == []
    told = [await subscription.get_message(timeout=30) for _ in range(4)]
    assert [each["type"] for each in told if each] == ["subscribe", *["message"] * 3]
    await subscription.aclose()  # type: ignore[no-untyped-call] # redis has no type for it
    await listener.aclose()


async def test_a_broken_row_fails_the_audit_until_somebody_has_mended_it(office: Office) -> None:
    clinic = office.books.clinic
    await clinic.execute("ALTER TABLE schedules DROP CONSTRAINT schedules_doctor_free")
    first = await office.books.confirmed("09:00")
    broken = await office.books.confirmed("09:10")

    async with working(office):
        failures = []
        for _ in range(2):
            with pytest.raises(WorkflowFailureError) as failed:
                await audited(office)
            failures.append(failed.value.cause)
            assert office.gauge("overlaps") == 1
        await clinic.becomes(broken, "cancelled")
        await audited(office)

    for failure in failures:
        assert isinstance(failure, ApplicationError)
        assert failure.type == "overlap"
        assert {str(first), str(broken)} <= set(failure.message.replace(":", "").split())
    assert office.gauge("overlaps") == 0
    await clinic.execute(
        "ALTER TABLE schedules ADD CONSTRAINT schedules_doctor_free EXCLUDE USING gist"
        " (practitioner_id WITH =, occupies WITH &&, visit_id WITH <>)"
    )


async def test_a_visit_that_its_run_confirmed_and_that_has_no_row_is_named_until_it_is_dealt_with(
    office: Office,
) -> None:
    """As after a restore, which no server survives; or where no audit was before."""
    kept, lost = await office.books.confirmed("09:00"), uuid4()
    labels = TypedSearchAttributes(
        [
            SearchAttributePair(APPOINTMENT_STATUS, "confirmed"),
            SearchAttributePair(APPOINTMENT_START, at("09:00")),
        ]
    )
    for visit in (str(kept), str(lost), "begun by hand"):
        run = await office.client.start_workflow(
            StandIn.run,
            "ends",
            id=f"appointment-{visit}",
            task_queue=RUNS,
            search_attributes=labels,
        )
        await run.result()

    seen = await until_there_are(1, office)
    same_server = await office.audit.check_trail(replace(seen, seal=None))
    another = replace(seen, seal=None, server_began_at=LONG_AGO)
    restored = await office.audit.check_trail(another)

    assert seen.breaks == restored.breaks == [f"visit {lost} was confirmed and has no row"]
    assert office.gauge("lost_visits") == 1
    assert same_server.breaks == [], "all runs are not read again in each audit"
    for run_of in (kept, lost):
        await office.client.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(
                namespace="default",
                workflow_execution=WorkflowExecution(workflow_id=f"appointment-{run_of}"),
            )
        )
    await until_there_are(0, office)


async def until_there_are(breaks: int, office: Office) -> Trail:
    """The list of runs is a moment behind."""
    async with asyncio.timeout(60):
        while True:
            trail = await office.audit.check_trail(None)
            if len(trail.breaks) == breaks:
                return trail
            await asyncio.sleep(0.1)


# The schedule.


async def test_many_workers_that_start_at_once_make_one_schedule(office: Office) -> None:
    await asyncio.gather(
        *(ensure_audits(office.client, every=timedelta(seconds=4)) for _ in range(8))
    )

    described = await office.client.get_schedule_handle(AUDIT_SCHEDULE).describe()
    assert [each.every for each in described.schedule.spec.intervals] == [timedelta(seconds=4)]
    assert len([each async for each in await office.client.list_schedules()]) <= 1


async def test_the_schedule_runs_audits_and_follows_the_setting(office: Office) -> None:
    handle = office.client.get_schedule_handle(AUDIT_SCHEDULE)
    await ensure_audits(office.client, every=timedelta(seconds=4))

    async with working(office), asyncio.timeout(60):
        run = await the_first_action_of(handle)
        report = await office.client.get_workflow_handle_for(AuditBookings.run, run).result()
    await ensure_audits(office.client, every=timedelta(seconds=60))

    assert report.mended == []
    [interval] = (await handle.describe()).schedule.spec.intervals
    assert interval.every == timedelta(seconds=60)


async def test_a_schedule_that_temporal_has_lost_is_made_again(office: Office) -> None:
    """As after a restore of Temporal, or with an empty one; the worker was not restarted."""
    handle = office.client.get_schedule_handle(AUDIT_SCHEDULE)
    ensure = partial(ensure_audits, office.client, every=timedelta(seconds=60))
    keeping = asyncio.create_task(keep_schedule(office.client, AUDIT_SCHEDULE, ensure, every=0.1))
    await eventually_there(handle)

    await handle.delete()

    await eventually_there(handle)
    assert not keeping.done(), "it goes on looking"
    keeping.cancel()


async def eventually_there(schedule: ScheduleHandle) -> None:
    async with asyncio.timeout(60):
        while True:
            with suppress(RPCError):
                await schedule.describe()
                return
            await asyncio.sleep(0.05)


async def test_a_schedule_that_operations_paused_stays_paused(office: Office) -> None:
    handle = office.client.get_schedule_handle(AUDIT_SCHEDULE)
    await ensure_audits(office.client, every=timedelta(seconds=60))
    await handle.pause(note="while the database is moved")
    await eventually_paused(handle)

    await ensure_audits(office.client, every=timedelta(seconds=60))

    state = (await handle.describe()).schedule.state
    assert (state.paused, state.note) == (True, "while the database is moved")
    await handle.delete()


async def eventually_paused(schedule: ScheduleHandle) -> None:
    """What is told of a schedule lags behind what it was told, for a moment."""
    while True:
        if (await schedule.describe()).schedule.state.paused:
            return
        await asyncio.sleep(0.05)


async def the_first_action_of(schedule: ScheduleHandle) -> str:
    """The id of the first run that it has started."""
    while True:
        for each in (await schedule.describe()).info.recent_actions:
            assert isinstance(each.action, ScheduleActionExecutionStartWorkflow)
            return each.action.workflow_id
        await asyncio.sleep(0.1)
