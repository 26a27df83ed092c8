"""The schedule by which old messages are forgotten."""

from datetime import timedelta
from functools import partial

from temporalio.client import Client, ScheduleActionStartWorkflow, ScheduleIntervalSpec

from adapters.temporal.schedules import ensure_schedule, keep_schedule, schedule_of
from workflows.forget_messages import ForgetMessages
from workflows.names import DELIVERIES, FORGET_SCHEDULE

DAILY = timedelta(days=1)
AT_NIGHT = timedelta(hours=1)
"""UTC: before the mornings of the clinics."""

STUCK_AFTER = timedelta(hours=6)


async def keep_forgetting(client: Client, *, days: int) -> None:
    """Whatever Temporal forgets: run it as a task."""
    await keep_schedule(client, FORGET_SCHEDULE, partial(ensure_forgetting, client, days=days))


async def ensure_forgetting(client: Client, *, days: int) -> None:
    """However long Temporal is away."""
    action = ScheduleActionStartWorkflow(
        ForgetMessages.run,
        days,
        id=FORGET_SCHEDULE,
        task_queue=DELIVERIES,
        execution_timeout=STUCK_AFTER,
        static_summary=f"forget messages older than {days} days",
    )
    nightly = ScheduleIntervalSpec(every=DAILY, offset=AT_NIGHT)
    await ensure_schedule(client, FORGET_SCHEDULE, schedule_of(action, nightly, catch_up=DAILY))
