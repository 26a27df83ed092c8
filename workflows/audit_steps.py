"""The steps of an audit: which activity, how long it may take, its label in the Temporal UI."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from activities.audit import Audit
from domain.audit import AuditOrder, Events, Holds, Overlaps, Touched

ONE_TRY = timedelta(seconds=20)
ONE_TRY_WITH_MANY_RUNS = timedelta(seconds=60)
UNTIL_DONE = RetryPolicy(maximum_interval=timedelta(seconds=10))
GIVE_UP_AFTER = timedelta(seconds=30)


async def find_overlaps() -> Overlaps:
    return await workflow.execute_activity_method(
        Audit.find_overlaps,
        start_to_close_timeout=ONE_TRY,
        retry_policy=UNTIL_DONE,
        summary="live appointments that overlap: none",
    )


async def expire_lapsed_holds() -> Holds:
    return await workflow.execute_activity_method(
        Audit.expire_lapsed_holds,
        start_to_close_timeout=ONE_TRY,
        retry_policy=UNTIL_DONE,
        summary="holds past their deadline: expire",
    )


async def release_orphaned_holds(order: AuditOrder) -> Holds:
    return await workflow.execute_activity_method(
        Audit.release_orphaned_holds,
        order,
        start_to_close_timeout=ONE_TRY_WITH_MANY_RUNS,
        retry_policy=UNTIL_DONE,
        summary="holds without a run: release",
    )


async def announce_missing_events(order: AuditOrder) -> Events:
    return await workflow.execute_activity_method(
        Audit.announce_missing_events,
        order,
        start_to_close_timeout=ONE_TRY_WITH_MANY_RUNS,
        retry_policy=UNTIL_DONE,
        summary="events that nobody received: look at their runs, publish",
    )


async def refresh_days(touched: list[Touched]) -> bool:
    """Tried for a while only: nobody reads a stale day without it, and the next audit waits."""
    try:
        await workflow.execute_activity_method(
            Audit.refresh_days,
            touched,
            start_to_close_timeout=ONE_TRY,
            schedule_to_close_timeout=GIVE_UP_AFTER,
            retry_policy=UNTIL_DONE,
            summary="show the changes to everybody who looks at these days",
        )
    except ActivityError:
        return False
    return True
