"""Forget old messages: once a day, the records that are older than the clinic keeps them."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from activities.forgetting import Forgetting

ONE_TRY = timedelta(minutes=30)
ALIVE = timedelta(minutes=1)
UNTIL_DONE = RetryPolicy(maximum_interval=timedelta(minutes=1))


@workflow.defn
class ForgetMessages:
    """The result is how many records were deleted."""

    @workflow.run
    async def run(self, days: int) -> int:
        return await workflow.execute_activity_method(
            Forgetting.forget_old_messages,
            days,
            start_to_close_timeout=ONE_TRY,
            heartbeat_timeout=ALIVE,
            retry_policy=UNTIL_DONE,
            summary=f"delete records of messages older than {days} days",
        )
