"""Find due reminders: twice a minute, the visits whose reminder is due are read from their rows.

So an open visit costs nothing here, one that is moved or cancelled leaves nothing behind, and what
became due while nobody worked is due at the next look (docs/decisions/0065).
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from activities.reminders import Reminders

ONE_TRY = timedelta(minutes=5)
ALIVE = timedelta(seconds=15)
UNTIL_DONE = RetryPolicy(maximum_interval=timedelta(seconds=10))


@workflow.defn
class FindDueReminders:
    """The result is how many reminders were started."""

    @workflow.run
    async def run(self, at_once: int) -> int:
        return await workflow.execute_activity_method(
            Reminders.start_due_reminders,
            at_once,
            start_to_close_timeout=ONE_TRY,
            heartbeat_timeout=ALIVE,
            retry_policy=UNTIL_DONE,
            summary="read from the visits' rows what is due, and start it",
        )
