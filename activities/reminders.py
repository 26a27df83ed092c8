"""Reminders: an effect on Temporal, which then tells the patients."""

import asyncio
from collections.abc import Awaitable, Callable

from structlog import get_logger
from temporalio import activity

from activities.refusals import told_to_temporal
from adapters.postgres.database import Database
from adapters.postgres.reads import read
from adapters.postgres.reminders import due_reminders
from domain.quiet_hours import QuietHours
from domain.reminders import Reminder

log = get_logger(__name__)


class Reminders:
    """Finds what is due and starts it."""

    def __init__(
        self,
        database: Database,
        start: Callable[[Reminder], Awaitable[None]],
        quiet_hours: QuietHours,
    ) -> None:
        self._database = database
        self._start = start
        self._quiet_hours = quiet_hours

    @activity.defn
    async def start_due_reminders(self, at_once: int) -> int:
        """How many. Idempotent: what was begun is in the record, and a run starts once."""
        with told_to_temporal():
            due = await read(
                self._database, lambda opened: due_reminders(opened, self._quiet_hours)
            )
            limit = asyncio.Semaphore(at_once)
            await asyncio.gather(*(self._started(each, limit) for each in due))
        if due:
            log.info("reminders_were_started", count=len(due))
        return len(due)

    async def _started(self, reminder: Reminder, limit: asyncio.Semaphore) -> None:
        async with limit:
            await self._start(reminder)
            activity.heartbeat()
