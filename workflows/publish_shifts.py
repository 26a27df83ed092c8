"""Publish doctors' shifts ahead: every night, and where a clinic's clocks change."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from activities.shifts import Shifts
from domain.plan import Published, PublishOrder
from workflows.details import details_of_publishing

ONE_TRY = timedelta(minutes=30)
ALIVE = timedelta(seconds=30)
UNTIL_DONE = RetryPolicy(maximum_interval=timedelta(minutes=1))


@workflow.defn
class PublishShifts:
    """The result is what has changed; what is as the plans say stays as it is."""

    @workflow.run
    async def run(self, order: PublishOrder) -> Published:
        published = await workflow.execute_activity_method(
            Shifts.publish_shifts,
            order,
            start_to_close_timeout=ONE_TRY,
            heartbeat_timeout=ALIVE,
            retry_policy=UNTIL_DONE,
            summary=f"publish what plans say, {order.horizon_days} days ahead",
        )
        workflow.set_current_details(details_of_publishing(published))
        return published
