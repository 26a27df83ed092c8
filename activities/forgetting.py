"""Forgetting: an effect on the records of messages."""

from datetime import timedelta

from structlog import get_logger
from temporalio import activity

from activities.refusals import told_to_temporal
from adapters.postgres.database import Database
from adapters.postgres.forgetting import forget_messages
from adapters.postgres.imports import forget_unread

log = get_logger(__name__)


class Forgetting:
    """Deletes records whose retention is over."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def forget_old_messages(self, days: int) -> int:
        """Idempotent: a second run finds none. The number of records that were deleted.

        Files of imports that nobody has read in that time go, too.
        """
        forgotten, older_than = 0, timedelta(days=days)
        with told_to_temporal():
            await forget_unread(self._database, older_than=older_than)
            while now := await forget_messages(self._database, older_than=older_than):
                forgotten += now
                activity.heartbeat(forgotten)
        log.info("messages_were_forgotten", count=forgotten, older_than_days=days)
        return forgotten
