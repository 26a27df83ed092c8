"""News of days through a real Valkey: heard in a crowd, past rubbish, and after it was cut off."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from uuid import UUID, uuid4

import orjson
import pytest
from redis.asyncio import Redis

from adapters.postgres.days import DayBook
from adapters.redis.cache import CHANNEL, DayReader, connect_redis
from adapters.redis.day_changes import DayChanges
from api.schedule.live_days import LiveDays
from domain.day import SlotState
from tests.clinic_rows import Clinic, at
from tests.integration.turned_days import TurnedDays
from tests.patience import patient_cache

DOCTOR = UUID("0197f1f0-0000-7000-8000-00000000d0c7")
DAY = date(2027, 3, 1)
SOON = 0.2
"""Seconds between two looks at everything; far less than anybody waits here."""

OFTEN = 4
"""More than the looks that beginning to listen gives by itself."""

LONG = 30.0
"""Seconds: nobody waits so long but for what never comes."""


@pytest.fixture
async def redis(cache_url: str) -> AsyncIterator[Redis]:
    client = connect_redis(cache_url, name="test")
    yield client
    await client.aclose()


@asynccontextmanager
async def opened(redis: Redis, *, look_every: float = 60.0) -> AsyncIterator[DayChanges]:
    news = DayChanges(redis, look_every=look_every)
    yield news
    await news.close()


async def assert_listened(redis: Redis, count: int) -> None:
    """So many connections hear the channel, at once or soon."""
    ends = time.monotonic() + LONG
    while time.monotonic() < ends:
        if await redis.pubsub_numsub(CHANNEL) == [(CHANNEL.encode(), count)]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{CHANNEL} is not heard by {count}: {await redis.pubsub_numsub(CHANNEL)}")


async def is_told(heard: asyncio.Event) -> bool:
    """Whether somebody who watches is told."""
    try:
        await asyncio.wait_for(heard.wait(), LONG)
    except TimeoutError:
        return False
    heard.clear()
    return True


async def test_a_lost_word_is_found_out_though_others_speak_all_the_time(redis: Redis) -> None:
    async def chatter() -> None:
        while True:
            notice = orjson.dumps({"doctorId": str(uuid4()), "date": DAY.isoformat()})
            await redis.publish(CHANNEL, notice)
            await asyncio.sleep(SOON / 10)

    async with opened(redis, look_every=SOON) as news:
        with news.listening(DOCTOR, DAY) as heard:
            talking = asyncio.create_task(chatter())

            for _ in range(OFTEN):
                assert await is_told(heard)

            talking.cancel()


@pytest.mark.parametrize(
    "rubbish",
    [b"", b"{", b"[1]", b"7", b'{"doctorId": 7}', b'{"doctorId": "x", "date": 1}', b"\xff"],
)
async def test_rubbish_in_the_channel_is_passed_over(redis: Redis, rubbish: bytes) -> None:
    async with opened(redis) as news:
        with news.listening(DOCTOR, DAY) as heard:
            await assert_listened(redis, 1)
            await redis.publish(CHANNEL, rubbish)

            for _ in range(OFTEN):
                news.tell(DOCTOR, DAY)
                assert await is_told(heard)


async def test_after_the_subscription_was_cut_days_are_heard_of_again(redis: Redis) -> None:
    async with opened(redis) as news:
        with news.listening(DOCTOR, DAY) as heard:
            await assert_listened(redis, 1)

            assert await redis.client_kill_filter(_type="pubsub") == 1

            assert await is_told(heard)
            await assert_listened(redis, 1)
            for _ in range(OFTEN):
                news.tell(DOCTOR, DAY)
                assert await is_told(heard)


async def test_one_subscription_serves_every_watcher_and_none_is_kept_for_nobody(
    redis: Redis,
) -> None:
    other = uuid4()
    async with opened(redis) as news:
        for _ in range(10):  # they leave at the moment of the first `ping`: it may lose a cancel
            with (
                news.listening(DOCTOR, DAY),
                news.listening(DOCTOR, DAY),
                news.listening(other, DAY),
            ):
                await assert_listened(redis, 1)
            await assert_listened(redis, 0)


async def test_without_redis_every_watched_day_is_looked_at_again_and_again() -> None:
    nobody = connect_redis("redis://127.0.0.1:1/0", name="test")
    async with opened(nobody) as news:
        with news.listening(DOCTOR, DAY) as heard:
            for _ in range(2):
                assert await is_told(heard)
            news.tell(DOCTOR, DAY)  # is no error either
    await nobody.aclose()


async def test_a_lapse_that_nobody_tells_of_is_shown(clinic: Clinic, redis: Redis) -> None:
    days = TurnedDays(DayBook(clinic.database))
    await clinic.hold(at("09:00"), lasts=timedelta(minutes=10))
    reader = DayReader(days, patient_cache(redis))
    first, _ = await reader.read(clinic.doctor_id, at("09:00").date())
    async with opened(redis, look_every=SOON) as news:
        changes = LiveDays(reader, news).changes(first)
        shown = asyncio.ensure_future(anext(changes))
        async with asyncio.timeout(LONG):
            while days.looks < OFTEN:  # noqa: ASYNC110 - a look raises no event
                await asyncio.sleep(0.01)
            days.ahead = timedelta(minutes=11)
            later = await shown
        await changes.aclose()
    await reader.close()

    assert [day.slots[0].state for day in (first, later)] == [SlotState.HELD, SlotState.FREE]
