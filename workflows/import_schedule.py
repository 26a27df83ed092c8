"""Import another system's appointments: one long step that goes on where it was cut short.

The file is kept in PostgreSQL: no row of it is in a run's history.
"""

from datetime import timedelta
from uuid import UUID

from temporalio import workflow
from temporalio.common import RetryPolicy

from activities.imports import Imports

ONE_TRY = timedelta(hours=1)
ALIVE = timedelta(minutes=1)
UNTIL_DONE = RetryPolicy(maximum_interval=timedelta(seconds=10))


@workflow.defn
class ImportSchedule:
    """The result is how many rows were read."""

    @workflow.run
    async def run(self, import_id: UUID) -> int:
        return await workflow.execute_activity_method(
            Imports.import_rows,
            import_id,
            start_to_close_timeout=ONE_TRY,
            heartbeat_timeout=ALIVE,
            retry_policy=UNTIL_DONE,
            summary="read the file row by row",
        )
