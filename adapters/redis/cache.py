"""Doctors' days through Redis: never trusted unvalidated, never waited for."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol
from uuid import UUID

import orjson
import psycopg
import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from adapters.postgres.days import DayBook, DayVersion, FreshDay
from adapters.process.breaker import Breaker
from adapters.redis.cached_day import decoded, encoded, key_of
from domain.day import Day, DaySchedule
from domain.slot import MINUTE, day_of

log = structlog.stdlib.get_logger(__name__)

CHANNEL = "priyom:schedule"
"""Where a new version of a day is announced: JSON {doctorId, date, version}."""

KEPT = timedelta(hours=1)
"""A day that nobody looks at need not lie in the cache; its truth does not depend on this."""

AWAY = (RedisError, OSError, TimeoutError, RuntimeError)
"""What a call to a Redis that is away may raise; uvloop says by a RuntimeError that a connection
was reset a moment ago."""

PATIENCE_SECONDS = 0.05
"""PostgreSQL answers sooner than anybody should wait for a cache."""

MICROSECOND = timedelta(microseconds=1)


class Days(Protocol):
    """The truth about days: `DayBook`, or its double in a test."""

    async def version(self, doctor_id: UUID, day: date) -> DayVersion: ...

    async def day(self, doctor_id: UUID, day: date) -> FreshDay: ...


class KeptDays(Protocol):
    """Where days are kept between reads: `DayCache`, or its double in a test."""

    async def get(self, doctor_id: UUID, day: date) -> bytes | None: ...

    async def put(self, day: Day) -> None: ...


def connect_redis(redis_url: str, *, name: str) -> Redis:
    """A client that never tries again by itself: whoever calls knows better what to do."""
    pool = BlockingConnectionPool.from_url(
        redis_url,
        client_name=name,
        protocol=3,
        max_connections=32,
        timeout=1,
        socket_connect_timeout=1,
        socket_timeout=2,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)


class DayCache:
    """Days by doctor and local date. Redis away or slow is a miss, never an error."""

    def __init__(self, redis: Redis, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._redis = redis
        self._patience = patience_seconds
        self._breaker = Breaker()

    async def get(self, doctor_id: UUID, day: date) -> bytes | None:
        key = key_of(doctor_id, day)
        reply = await self._ask(lambda: self._redis.get(key))
        return reply if isinstance(reply, bytes) else None

    async def put(self, day: Day) -> None:
        key = key_of(day.doctor_id, day.date)
        await self._ask(lambda: self._redis.set(key, encoded(day), ex=KEPT))

    async def _ask(self, call: Callable[[], Awaitable[object]]) -> object:
        clock = asyncio.get_running_loop().time
        if not self._breaker.lets_through(clock()):
            return None
        try:
            async with asyncio.timeout(self._patience):
                reply = await call()
        except AWAY as error:
            if self._breaker.failed(clock()):
                log.warning("cache_lost", error=type(error).__name__)
            return None
        if self._breaker.succeeded():
            log.info("cache_recovered")
        return reply


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a reader was told of a day after it arrived; `arrived` is a moment of its reader."""

    key: tuple[UUID, date]
    current: DayVersion
    arrived: int


@dataclass(frozen=True, kw_only=True)
class Found:
    """A day, and the database clock when it was known to be so."""

    day: Day
    now: datetime
    was_cached: bool


class DayReader:
    """A doctor's day at this moment, computed only if nobody has since it last changed."""

    def __init__(self, book: Days, cache: KeptDays) -> None:
        self._book = book
        self._cache = cache
        self._moments = 0
        self._flights: dict[tuple[UUID, date], _Flight] = {}
        self._putting: set[asyncio.Task[None]] = set()

    async def read(self, doctor_id: UUID, day: date) -> tuple[DaySchedule, bool]:
        """The day and whether the cache had it. Raises `DoctorNotFound`."""
        look = await self.look(doctor_id, day)
        found = await self.find(look)
        return found.day.at(max(look.current.now, found.now)), found.was_cached

    async def look(self, doctor_id: UUID, day: date) -> Look:
        """Which version the day has; asked of the database after this call, each time."""
        arrived = self._moment()
        current = await self._book.version(doctor_id, day)
        return Look(key=(doctor_id, day), current=current, arrived=arrived)

    async def find(self, look: Look) -> Found:
        """The day of that version or of a later one, fetched once for all who wait for it.

        A day that was on its way when the reader arrived may miss what the reader must see, so it
        is taken only if it is of the version that the reader was told; one whose composition began
        later is always good, and so is one that was fetched for this reader. Another reader's fault
        is not ours: we try once ourselves.
        """
        excused = False
        while True:
            flight = self._flights.get(look.key)
            ours = flight is None
            flight = flight or self._take_off(look)
            try:
                found = await asyncio.shield(flight.task)
            except psycopg.Error:
                if ours or excused:
                    raise
                excused = True
                continue
            is_late_enough = ours or flight.began > look.arrived
            if is_late_enough or found.day.version == look.current.version:
                return found

    async def close(self) -> None:
        """Wait for what is still on its way."""
        under_way = [flight.task for flight in self._flights.values()]
        await asyncio.gather(*under_way, return_exceptions=True)
        await asyncio.gather(*self._putting)

    def _take_off(self, look: Look) -> "_Flight":
        flight = self._flights[look.key] = _Flight()
        flight.task = asyncio.create_task(self._fetch(look, flight))
        flight.task.add_done_callback(_look_at_the_fault)
        return flight

    async def _fetch(self, look: Look, flight: "_Flight") -> Found:
        try:
            kept = await self._cache.get(*look.key)
            known = None if kept is None else decoded(kept, *look.key, look.current)
            if known is not None:
                return Found(day=known, now=look.current.now, was_cached=True)
            flight.began = self._moment()
            fresh = await self._book.day(*look.key)
        finally:
            del self._flights[look.key]
        putting = asyncio.create_task(self._cache.put(fresh.day))
        self._putting.add(putting)
        putting.add_done_callback(self._putting.discard)
        return Found(day=fresh.day, now=fresh.now, was_cached=False)

    def _moment(self) -> int:
        self._moments += 1
        return self._moments


class _Flight:
    """One day on its way to all who wait for it.

    `began`: when its composition did, among the readers' arrivals; 0 if the cache has it.
    """

    task: asyncio.Task[Found]

    def __init__(self) -> None:
        self.began = 0


async def invalidate(redis: Redis, book: DayBook, doctor_id: UUID, starts_at: datetime) -> str:
    """Forget the day of a visit and announce its new version, which is returned.

    A visit over midnight touches two days. Raises what Redis raises; doing it again is harmless.
    """
    guessed = starts_at.date()
    seen = await book.version(doctor_id, guessed)
    first = day_of(starts_at, seen.desk.zone)
    last = day_of(starts_at + seen.desk.slot_minutes * MINUTE - MICROSECOND, seen.desk.zone)
    if last != first:
        await _announce(redis, doctor_id, last, (await book.version(doctor_id, last)).version)
    if first != guessed:
        seen = await book.version(doctor_id, first)
    await _announce(redis, doctor_id, first, seen.version)
    return seen.version


async def _announce(redis: Redis, doctor_id: UUID, day: date, version: str) -> None:
    notice = {"doctorId": str(doctor_id), "date": day.isoformat(), "version": version}
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.delete(key_of(doctor_id, day))
        pipeline.publish(CHANNEL, orjson.dumps(notice))
        await pipeline.execute()


def _look_at_the_fault(task: asyncio.Task[Found]) -> None:
    """Every reader may have left: asyncio complains of a fault that nobody looked at."""
    if not task.cancelled():
        task.exception()
