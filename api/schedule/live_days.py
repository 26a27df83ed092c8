"""Days as they change: one reader a day and process, however many pages are open on it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

import psycopg
from structlog import get_logger

from adapters.redis.cache import DayReader
from adapters.redis.day_changes import DayChanges, DayKey
from domain.day import DaySchedule
from domain.errors import DoctorNotFound

AGAIN_SECONDS = 1.0
"""The pause after a read that failed, and the shortest time that a failing database has."""

log = get_logger(__name__)


@dataclass
class _Watched:
    """A day that pages are open on; `turn` is set, and replaced, when it has changed."""

    now: DaySchedule
    turn: asyncio.Event = field(default_factory=asyncio.Event)
    readers: int = 0
    watcher: asyncio.Task[None] | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    next_look: asyncio.Event = field(default_factory=asyncio.Event)

    def change(self, now: DaySchedule) -> None:
        self.now = now
        turn, self.turn = self.turn, asyncio.Event()
        turn.set()

    async def look(self) -> None:
        """Returns after a look that began later than this call."""
        self.news.set()
        await self.next_look.wait()

    def begin_look(self) -> asyncio.Event:
        begun, self.next_look = self.next_look, asyncio.Event()
        return begun


class LiveDays:
    """The watched days of the process."""

    def __init__(self, reader: DayReader, news: DayChanges) -> None:
        self._reader = reader
        self._news = news
        self._watched: dict[DayKey, _Watched] = {}

    async def changes(self, first: DaySchedule) -> AsyncGenerator[DaySchedule]:
        """Every later state of the day; a reader who is slow misses those in between."""
        key = first.doctor_id, first.date
        watched = self._watched.get(key) or self._watch(key, first)
        watched.readers += 1
        seen = first
        try:
            if watched.now != first:
                await watched.look()  # one of the two is older: nobody is told what was before
            while True:
                turn = watched.turn
                if watched.now != seen:
                    seen = watched.now
                    yield seen
                else:
                    await turn.wait()
        finally:
            watched.readers -= 1
            if not watched.readers:
                await self._leave(key, watched)

    def _watch(self, key: DayKey, first: DaySchedule) -> _Watched:
        watched = self._watched[key] = _Watched(now=first)
        watched.watcher = asyncio.create_task(self._look_whenever_told(*key, watched))
        return watched

    async def _leave(self, key: DayKey, watched: _Watched) -> None:
        if self._watched.get(key) is watched:
            del self._watched[key]
        if watched.watcher is not None:
            watched.watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watched.watcher

    async def _look_whenever_told(self, doctor_id: UUID, day: date, watched: _Watched) -> None:
        looks: list[asyncio.Event] = []
        with self._news.listening(doctor_id, day) as news:
            # The day was read before anybody listened: what changed in between is heard by nobody.
            news.set()
            watched.news = news
            while True:
                await news.wait()
                news.clear()
                looks.append(watched.begin_look())
                try:
                    now, _ = await self._reader.read(doctor_id, day)
                except (psycopg.Error, OSError, TimeoutError, DoctorNotFound) as error:
                    log.warning("day_not_read", error=type(error).__name__)
                    news.set()
                    await asyncio.sleep(AGAIN_SECONDS)
                    continue
                if now != watched.now:
                    watched.change(now)
                while looks:
                    looks.pop().set()
