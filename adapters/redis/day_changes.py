"""Changes of doctors' days by Redis pub/sub, with one subscription a process."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from uuid import UUID

import orjson
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from structlog import get_logger

from adapters.redis.bounded import AWAY
from adapters.redis.cache import CHANNEL, notice_of
from adapters.redis.cached_day import key_of

ALIVE_SECONDS = 10.0
"""Every watched day is read again this often, whatever Redis says, and Redis is pinged. A message
may be lost, and a lapse may have no process left to announce it."""

UNHEARD_SECONDS = 1.0
"""Every watched day is read again this often while Redis is away."""

TOLD_WITHIN_SECONDS = 1.0
FORGOTTEN_WITHIN_SECONDS = 5.0

DayKey = tuple[UUID, date]

log = get_logger(__name__)


class DayChanges:
    """One subscription for all watchers of the process; none while nobody watches."""

    def __init__(self, redis: Redis, *, look_every: float = ALIVE_SECONDS) -> None:
        self._redis = redis
        self._look_every = look_every
        self._watching: defaultdict[DayKey, set[asyncio.Event]] = defaultdict(set)
        self._listener: asyncio.Task[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()

    def tell(self, doctor_id: UUID, day: date) -> None:
        """Publish that the day has changed, without waiting for Redis.

        A message that is lost is made up for by the regular read (`ALIVE_SECONDS`).
        """
        telling = asyncio.create_task(self._tell(doctor_id, day))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    def forget(self, days: Collection[DayKey]) -> None:
        """The same for many days, whose copies in the cache go as well."""
        telling = asyncio.create_task(self._forget(days))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    @contextmanager
    def listening(self, doctor_id: UUID, day: date) -> Iterator[asyncio.Event]:
        """An event that is set when the day may have changed; sometimes it has not."""
        key, news = (doctor_id, day), asyncio.Event()
        self._watching[key].add(news)
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        try:
            yield news
        finally:
            self._watching[key].discard(news)
            if not self._watching[key]:
                del self._watching[key]
            if not self._watching:
                self._listener.cancel()
                self._listener = None

    async def close(self) -> None:
        await asyncio.gather(*self._telling, return_exceptions=True)
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.cancel()
            with suppress(asyncio.CancelledError):
                await listener

    async def _forget(self, days: Collection[DayKey]) -> None:
        with suppress(*AWAY):
            async with asyncio.timeout(FORGOTTEN_WITHIN_SECONDS):
                async with self._redis.pipeline(transaction=False) as pipeline:
                    for doctor_id, day in days:
                        pipeline.delete(key_of(doctor_id, day))
                        pipeline.publish(CHANNEL, notice_of(doctor_id, day))
                    await pipeline.execute()

    async def _tell(self, doctor_id: UUID, day: date) -> None:
        with suppress(*AWAY):
            async with asyncio.timeout(TOLD_WITHIN_SECONDS):
                await self._redis.publish(CHANNEL, notice_of(doctor_id, day))

    async def _listen(self) -> None:
        was_heard = True
        while self._is_wanted():
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(CHANNEL)
                    was_heard = True
                    await self._hear(channel)
            except AWAY as error:
                if was_heard:
                    log.warning("days_are_polled", error=type(error).__name__)
                was_heard = False
            self._look_at_all()
            await asyncio.sleep(UNHEARD_SECONDS)

    async def _hear(self, channel: PubSub) -> None:
        clock = asyncio.get_running_loop().time
        # The answer to `subscribe`. Read the day now: only later changes are heard.
        await channel.get_message(timeout=TOLD_WITHIN_SECONDS)
        look_at = clock()
        while self._is_wanted():
            if clock() >= look_at:
                self._look_at_all()
                await channel.ping()
                look_at = clock() + self._look_every
                continue
            heard = await channel.get_message(timeout=max(0.001, look_at - clock()))
            if heard is not None:
                self._pass_on(heard["data"])

    def _is_wanted(self) -> bool:
        """Asked after every command: `asyncio.wait_for`, by which the client sends one, loses a
        cancellation that comes as it returns (Python 3.11)."""
        return self._listener is asyncio.current_task()

    def _pass_on(self, notice: bytes) -> None:
        try:
            told = orjson.loads(notice)
            key = UUID(str(told["doctorId"])), date.fromisoformat(told["date"])
        except (ValueError, KeyError, TypeError):
            return  # a channel may carry anything
        for news in self._watching.get(key, ()):
            news.set()

    def _look_at_all(self) -> None:
        for watching in self._watching.values():
            for news in watching:
                news.set()
