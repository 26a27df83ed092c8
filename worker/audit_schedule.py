"""The schedule of the audits: made or brought up to date by every worker that starts."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from structlog import get_logger
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError

from domain.audit import AuditOrder
from workflows.audit_bookings import AuditBookings
from workflows.names import AUDIT_SCHEDULE, AUDITS

SETTLED_AFTER = 1 / 4
"""Of the time between two audits. What a healthy run does takes less, and what a dead one left
undone is found within one and a quarter of that time."""

STUCK_AFTER = timedelta(minutes=10)
"""An audit that is not over by then makes way for another: its code was changed under it, say."""

CATCH_UP = timedelta(seconds=30)
"""Audits that were missed while Temporal was away are not made up for: the next one sees it all."""

LONGEST_PAUSE_SECONDS = 10.0

log = get_logger("audit")


async def ensure_audits(client: Client, *, every: timedelta) -> None:
    """Make the schedule, or bring it up to date, however long Temporal is away; run it as a task.

    Several workers at once end with the same schedule. One that operations have paused stays so.
    """
    pause = 0.5
    while True:
        try:
            await _ensure(client, _schedule(every))
        except RPCError as error:
            log.warning("audits_not_ensured", error=error.status.name, again_in_seconds=pause)
        else:
            return
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def _ensure(client: Client, wanted: Schedule) -> None:
    def brought_up_to_date(now: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(schedule=replace(wanted, state=now.description.schedule.state))

    try:
        await client.create_schedule(AUDIT_SCHEDULE, wanted)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(AUDIT_SCHEDULE).update(brought_up_to_date)


def _schedule(every: timedelta) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            AuditBookings.run,
            AuditOrder(settled_after_seconds=every.total_seconds() * SETTLED_AFTER),
            id=AUDIT_SCHEDULE,
            task_queue=AUDITS,
            execution_timeout=STUCK_AFTER,
            static_summary="audit of all bookings: overlaps, lapsed and orphaned holds, events",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
    )
