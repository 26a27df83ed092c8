"""The steps of an audit: which activity, how long it may take, its label in the Temporal UI."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from activities.audit import Audit
from domain.audit import AuditOrder, Events, Holds, Overlaps, Touched, Trail

ONE_TRY = timedelta(seconds=20)
ONE_TRY_WITH_MANY_RUNS = timedelta(seconds=60)
UNTIL_DONE = RetryPolicy(maximum_interval=timedelta(seconds=10))
GIVE_UP_AFTER = timedelta(seconds=30)


def _until_done(label: str, *, one_try: timedelta = ONE_TRY) -> workflow.ActivityConfig:
    return workflow.ActivityConfig(
        start_to_close_timeout=one_try, retry_policy=UNTIL_DONE, summary=label
    )


async def find_overlaps() -> Overlaps:
    config = _until_done("live appointments that overlap: none")
    return await workflow.execute_activity_method(Audit.find_overlaps, **config)


async def expire_lapsed_holds() -> Holds:
    config = _until_done("holds past their deadline: expire")
    return await workflow.execute_activity_method(Audit.expire_lapsed_holds, **config)


async def release_orphaned_holds(order: AuditOrder) -> Holds:
    config = _until_done("holds without a run: release", one_try=ONE_TRY_WITH_MANY_RUNS)
    return await workflow.execute_activity_method(Audit.release_orphaned_holds, order, **config)


async def announce_missing_events(order: AuditOrder) -> Events:
    label = "events that nobody received: look at their runs, publish"
    config = _until_done(label, one_try=ONE_TRY_WITH_MANY_RUNS)
    return await workflow.execute_activity_method(Audit.announce_missing_events, order, **config)


async def mark_absent() -> list[Touched]:
    config = _until_done("who did not come, where the clinic's rule says so: mark")
    return await workflow.execute_activity_method(Audit.mark_absent, **config)


async def check_trail(before: Trail | None) -> Trail:
    config = _until_done("the trail of who did what: as it was written")
    return await workflow.execute_activity_method(Audit.check_trail, before, **config)


async def refresh_days(touched: list[Touched]) -> bool:
    """Tried for a while only: nobody reads a stale day without it, and the next audit waits."""
    config = _until_done("show the changes to everybody who looks at these days")
    config["schedule_to_close_timeout"] = GIVE_UP_AFTER
    try:
        await workflow.execute_activity_method(Audit.refresh_days, touched, **config)
    except ActivityError:
        return False
    return True
