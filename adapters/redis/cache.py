"""Doctors' days through Redis: never trusted unvalidated, never waited for."""

import asyncio
import hmac
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol
from uuid import UUID

import orjson
import psycopg
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from adapters.postgres.days import DayBook, DayVersion, FreshDay
from adapters.redis.bounded import PATIENCE_SECONDS, Bounded
from adapters.redis.cached_day import decoded, encoded, key_of
from domain.day import Day, DaySchedule
from domain.slot import MINUTE, Interval, day_of, days_of

CHANNEL = "priyom:schedule"
"""Where a changed day is announced: JSON {doctorId, date}."""

KEPT = timedelta(hours=1)
"""How long a day stays in the cache. Correctness does not depend on it: reads are validated."""


PURPOSE = b"days in the cache"
SEAL_LENGTH = 16
"""Bytes of the seal in front of a day."""


class Days(Protocol):
    """Where days are read from: `DayBook`, or its fake in a test."""

    async def version(self, doctor_id: UUID, day: date) -> DayVersion: ...

    async def day(self, doctor_id: UUID, day: date) -> FreshDay: ...


class KeptDays(Protocol):
    """Where days are cached: `DayCache`, or its fake in a test."""

    async def get(self, doctor_id: UUID, day: date) -> bytes | None: ...

    async def put(self, day: Day) -> None: ...


def connect_redis(redis_url: str, *, name: str) -> Redis:
    """A client without retries of its own: the caller falls back to PostgreSQL."""
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
    """Days by doctor and local date. If Redis is away or slow, a read is a miss, never an error.

    Each is sealed by a key that Redis does not have: what somebody else has written there, or has
    taken from another day, is a miss too.
    """

    def __init__(
        self, redis: Redis, secret: bytes, *, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._redis = redis
        self._seals = hmac.digest(secret, PURPOSE, "sha256")
        self._bounded = Bounded("cache", patience_seconds=patience_seconds)

    async def get(self, doctor_id: UUID, day: date) -> bytes | None:
        key = key_of(doctor_id, day)
        reply = await self._bounded.ask(lambda: self._redis.get(key))
        if not isinstance(reply, bytes):
            return None
        seal, kept = reply[:SEAL_LENGTH], reply[SEAL_LENGTH:]
        return kept if hmac.compare_digest(seal, self._seal(key, kept)) else None

    async def put(self, day: Day) -> None:
        key, kept = key_of(day.doctor_id, day.date), encoded(day)
        sealed = self._seal(key, kept) + kept
        await self._bounded.ask(lambda: self._redis.set(key, sealed, ex=KEPT))

    def _seal(self, key: str, kept: bytes) -> bytes:
        return hmac.digest(self._seals, key.encode() + kept, "sha256")[:SEAL_LENGTH]


@dataclass(frozen=True, kw_only=True)
class Look:
    """The version that a reader was given; `arrived` is its place in the order of readers."""

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
    """Reads a doctor's day. It is composed once after a change, however many readers there are."""

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
        """The day's version, from a statement that begins after this call."""
        arrived = self._moment()
        current = await self._book.version(doctor_id, day)
        return Look(key=(doctor_id, day), current=current, arrived=arrived)

    async def find(self, look: Look) -> Found:
        """The day of that version or of a later one, fetched once for all who wait for it.

        A composition that began before the reader arrived may lack the latest change. It is used
        only if it has the version that the reader was given. One that began later is always good.
        If another reader's composition fails, this reader tries once itself.
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

    `began`: where its composition stands in the order of the readers' arrivals; 0 if it is cached.
    """

    task: asyncio.Task[Found]

    def __init__(self) -> None:
        self.began = 0


async def invalidate(
    redis: Redis,
    book: DayBook,
    doctor_id: UUID,
    starts_at: datetime,
    ends_at: datetime | None = None,
) -> date:
    """Forget the day of a visit, which is returned, and announce that it has changed.

    A visit over midnight touches two days; one whose end is not known lasts a slot. Raises what
    Redis raises. Idempotent.
    """
    desk = await book.desk(doctor_id)
    until = ends_at or starts_at + desk.slot_minutes * MINUTE
    first = day_of(starts_at, desk.zone)
    touched = days_of(Interval(starts_at=starts_at, ends_at=until), desk.zone)
    async with redis.pipeline(transaction=False) as pipeline:
        for day in sorted({first} | touched):
            pipeline.delete(key_of(doctor_id, day))
            pipeline.publish(CHANNEL, notice_of(doctor_id, day))
        await pipeline.execute()
    return first


def notice_of(doctor_id: UUID, day: date) -> bytes:
    """What is published of a day that has changed: who hears it looks at the day again."""
    return orjson.dumps({"doctorId": str(doctor_id), "date": day.isoformat()})


def _look_at_the_fault(task: asyncio.Task[Found]) -> None:
    """Retrieve the exception: if every reader has left, asyncio would log it as unretrieved."""
    if not task.cancelled():
        task.exception()
