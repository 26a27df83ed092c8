"""The schedule by which the horizon moves: doctors' shifts are published ahead."""

from datetime import timedelta
from functools import partial

from temporalio.client import Client, ScheduleActionStartWorkflow, ScheduleIntervalSpec

from adapters.temporal.schedules import ensure_schedule, keep_schedule, schedule_of
from domain.plan import PublishOrder
from workflows.names import PLANS, PUBLISH_SCHEDULE
from workflows.publish_shifts import PublishShifts

DAILY = timedelta(days=1)
AT_NIGHT = timedelta(hours=2)
"""UTC: after messages are forgotten."""

STUCK_AFTER = timedelta(hours=6)


async def keep_publishing(client: Client, *, horizon_days: int) -> None:
    """Make the schedule, and again where Temporal has lost it; run it as a task."""
    ensure = partial(ensure_publishing, client, horizon_days=horizon_days)
    await keep_schedule(client, PUBLISH_SCHEDULE, ensure)


async def ensure_publishing(client: Client, *, horizon_days: int) -> None:
    """However long Temporal is away.

    It runs at once, too: time zones may have come with other rules, or the horizon with another
    length.
    """
    action = ScheduleActionStartWorkflow(
        PublishShifts.run,
        PublishOrder(horizon_days=horizon_days),
        id=PUBLISH_SCHEDULE,
        task_queue=PLANS,
        execution_timeout=STUCK_AFTER,
        static_summary=f"publish doctors' shifts {horizon_days} days ahead",
    )
    nightly = ScheduleIntervalSpec(every=DAILY, offset=AT_NIGHT)
    schedule = schedule_of(action, nightly, catch_up=DAILY)
    await ensure_schedule(client, PUBLISH_SCHEDULE, schedule, at_once=True)
