"""Forgetting: an effect on the records of messages."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine
from structlog import get_logger
from temporalio import activity

from activities.refusals import told_to_temporal
from adapters.postgres.forgetting import forget_messages

log = get_logger(__name__)


class Forgetting:
    """Deletes what is kept no longer than it must be."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def forget_old_messages(self, days: int) -> int:
        """Idempotent: a second run finds none. The number of records that were deleted."""
        forgotten = 0
        with told_to_temporal():
            while now := await forget_messages(self._engine, older_than=timedelta(days=days)):
                forgotten += now
                activity.heartbeat(forgotten)
        log.info("messages_were_forgotten", count=forgotten, older_than_days=days)
        return forgotten
