"""The schedule of the audits: made by every worker, and made again where it is lost."""

from datetime import timedelta
from functools import partial

from temporalio.client import Client, ScheduleActionStartWorkflow, ScheduleIntervalSpec

from adapters.temporal.schedules import ensure_schedule, keep_schedule, schedule_of
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


async def keep_audits(client: Client, *, every: timedelta) -> None:
    """Whatever Temporal forgets: run it as a task."""
    await keep_schedule(client, AUDIT_SCHEDULE, partial(ensure_audits, client, every=every))


async def ensure_audits(client: Client, *, every: timedelta) -> None:
    """Make the audits' schedule, or bring it up to date, however long Temporal is away."""
    action = ScheduleActionStartWorkflow(
        AuditBookings.run,
        AuditOrder(settled_after_seconds=every.total_seconds() * SETTLED_AFTER),
        id=AUDIT_SCHEDULE,
        task_queue=AUDITS,
        execution_timeout=STUCK_AFTER,
        static_summary="audit of all bookings: overlaps, lapsed and orphaned holds, events",
    )
    schedule = schedule_of(action, ScheduleIntervalSpec(every=every), catch_up=CATCH_UP)
    await ensure_schedule(client, AUDIT_SCHEDULE, schedule)
