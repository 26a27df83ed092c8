"""The schedule by which due reminders are looked for."""

from datetime import timedelta
from functools import partial

from temporalio.client import Client, ScheduleActionStartWorkflow, ScheduleIntervalSpec

from adapters.temporal.schedules import ensure_schedule, keep_schedule, schedule_of
from workflows.find_due_reminders import FindDueReminders
from workflows.names import DELIVERIES, REMINDER_SCHEDULE

AT_ONCE = 16
"""Starts under way; more would keep a confirmation's messages waiting."""

STUCK_AFTER = timedelta(minutes=10)

CATCH_UP = timedelta(seconds=30)
"""Looks that were missed while Temporal was away are not made up for: the next one sees it all."""


async def keep_reminders(client: Client, *, every: timedelta) -> None:
    """Whatever Temporal forgets: run it as a task."""
    await keep_schedule(client, REMINDER_SCHEDULE, partial(ensure_reminders, client, every=every))


async def ensure_reminders(client: Client, *, every: timedelta) -> None:
    """However long Temporal is away."""
    action = ScheduleActionStartWorkflow(
        FindDueReminders.run,
        AT_ONCE,
        id=REMINDER_SCHEDULE,
        task_queue=DELIVERIES,
        execution_timeout=STUCK_AFTER,
        static_summary="start the reminders that are due",
    )
    schedule = schedule_of(action, ScheduleIntervalSpec(every=every), catch_up=CATCH_UP)
    await ensure_schedule(client, REMINDER_SCHEDULE, schedule)
