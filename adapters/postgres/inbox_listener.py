"""A bell for each doctor's inbox: PostgreSQL's NOTIFY rings it, and a clock where it cannot."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

import psycopg
from structlog import get_logger

from adapters.postgres.listening import words_in

INBOX = "priyom_inbox"
"""The channel; what is said in it is a doctor's id."""

WITHOUT_NOTIFY_SECONDS = 2.0
"""Every bell is rung so often while nobody can be heard: a poll in the place of a word."""

log = get_logger(__name__)


class InboxListener:
    """One connection of the process that listens while anybody waits; none while nobody does."""

    def __init__(self, database_url: str, *, name: str) -> None:
        self._url = database_url
        self._name = name
        self._waiting: defaultdict[UUID, set[asyncio.Event]] = defaultdict(set)
        self._listener: asyncio.Task[None] | None = None

    @contextmanager
    def listening(self, doctor_id: UUID) -> Iterator[asyncio.Event]:
        """Set when the inbox may have changed: too often rather than too seldom."""
        rung = asyncio.Event()
        self._waiting[doctor_id].add(rung)
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        try:
            yield rung
        finally:
            self._waiting[doctor_id].discard(rung)
            if not self._waiting[doctor_id]:
                del self._waiting[doctor_id]
            if not self._waiting:
                self._listener.cancel()
                self._listener = None

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            with suppress(asyncio.CancelledError):
                await self._listener

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except (psycopg.Error, OSError, TimeoutError) as error:
                log.warning("inboxes_are_polled", error=type(error).__name__)
            self._ring_all()
            await asyncio.sleep(WITHOUT_NOTIFY_SECONDS)

    async def _hear(self) -> None:
        async for word in words_in(INBOX, self._url, name=self._name):
            if word is None:
                self._ring_all()
            else:
                self._ring(word)

    def _ring(self, doctor_id: str) -> None:
        with suppress(ValueError):  # anybody may say anything in a channel
            for rung in self._waiting.get(UUID(doctor_id), ()):
                rung.set()

    def _ring_all(self) -> None:
        for waiting in self._waiting.values():
            for rung in waiting:
                rung.set()
