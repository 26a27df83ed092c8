"""Redis dies, is silent, forgets or is fed late: what is shown is what is so."""

import asyncio
from datetime import date
from uuid import UUID

import psycopg
import pytest
from redis.asyncio import Redis

from adapters.redis.cached_day import key_of
from tests.faults.rig.case import Case, Rig
from tests.faults.rig.front_end import FrontEnd
from tests.faults.rig.history import Booking, Kind
from tests.faults.rig.injectors import flush_redis
from tests.faults.rig.sabotage import statements_logged
from tests.faults.rig.waiting import until_seen
from tests.faults.rig.weather import Act, Sighting

READERS = 100


@pytest.mark.parametrize("how", ["killed", "stopped", "a black hole"])
async def test_redis_away_when_days_are_invalidated(rig: Rig, how: str) -> None:
    async with rig.case(33, f"Redis {how} for 5 s at invalidations") as case, case.load():
        await case.confirmed(3)
        if how == "killed":
            await case.stack.kill_and_hold_down("valkey")
        elif how == "stopped":
            case.stack.pause("valkey")
        else:
            for link in case.stack.links_of(server="valkey"):
                link.swallow()
        case.injected(how)
        await case.confirmed(6)
        await asyncio.sleep(2)
        await case.stack.heal()
        await case.confirmed(3)


async def test_a_slow_fill_writes_the_old_day_after_the_invalidation(rig: Rig) -> None:
    title = "a slow reader writes the old day into Redis after the invalidation"
    async with rig.case(34, title) as case, case.load(3):
        link, front_end = case.stack.link("api", "valkey"), case.front_end()
        for _ in range(3):
            booking = case.booking()
            key = key_of(UUID(booking.slot.doctor_id), date.fromisoformat(booking.slot.date))
            fill = link.when(rb"SET\r\n\$\d+\r\n" + key.encode(), do=Act.HOLD)
            await old_day_is_under_way(case, front_end, booking, key, fill)
            for kind in (Kind.HOLD, Kind.CONFIRM):
                assert (await case.insist(kind, booking)).is_unknown is False
            await case.run_of(booking).result()  # which clears the day, behind the answer
            await until_gone(case, key)
            await link.heal()
            await until_there(case, key)
            assert (await front_end.ask(Kind.DAY, booking)).body["state"] == "booked"
        await front_end.close()


async def old_day_is_under_way(
    case: Case, front_end: FrontEnd, booking: Booking, key: str, fill: Sighting
) -> None:
    """Another patient's page may have filled it a moment before: then once more.

    A process fills in what it has composed only, so the day is of a new version each time.
    """

    async def is_under_way() -> bool:
        await renewed(case, booking.slot.doctor_id)
        await forgotten(case, key)
        assert (await front_end.ask(Kind.DAY, booking)).body["state"] == "free"
        return fill.came.is_set()

    await until_seen(is_under_way, "the old day is on its way into Redis")


async def renewed(case: Case, doctor_id: str) -> None:
    """Give the doctor's days another version, and change nothing that is seen of them."""
    async with await psycopg.AsyncConnection.connect(
        case.stack.address("postgres"), autocommit=True
    ) as connection:
        await connection.execute(
            "UPDATE shifts SET during = during WHERE doctor_id = %s", [doctor_id]
        )


async def forgotten(case: Case, key: str) -> None:
    redis = Redis.from_url(case.stack.address("valkey"))
    await redis.delete(key)
    await redis.aclose()


async def until_gone(case: Case, key: str) -> None:
    await until_kept(case, key, 0)


async def until_there(case: Case, key: str) -> None:
    await until_kept(case, key, 1)


async def until_kept(case: Case, key: str, times: int) -> None:
    redis = Redis.from_url(case.stack.address("valkey"))

    async def is_so() -> bool:
        return await redis.exists(key) == times

    try:
        await until_seen(is_so, f"{key} is there {times} times")
    finally:
        await redis.aclose()


async def test_redis_forgets(rig: Rig) -> None:
    title = "FLUSHALL, restart empty, eviction; a hundred readers of a lost day compose it once"
    async with rig.case(35, title) as case, case.load(4):
        url = case.stack.address("valkey")
        await case.confirmed(2)
        for _ in range(5):
            await flush_redis(url)
            case.injected("FLUSHALL")
            await case.confirmed(1)
        case.stack.kill("valkey")
        case.injected("restart empty")
        await case.confirmed(2)
        await case.stack.ready()
        await evicted(case, url)
        composed = await composed_for_a_crowd(case)
        case.injected("readers at once of a lost day", READERS)
        assert 1 <= composed <= READERS // 10, f"{composed} compositions"


async def evicted(case: Case, url: str) -> None:
    redis, front_end = Redis.from_url(url), case.front_end()

    async def is_used_again() -> bool:
        booking = case.booking()
        await renewed(case, booking.slot.doctor_id)
        await front_end.ask(Kind.DAY, booking)
        return bool(await redis.dbsize())

    try:
        await until_seen(is_used_again, "days in the cache that came back")
        await redis.config_set("maxmemory", "1")
        await case.confirmed(3)
        await redis.config_set("maxmemory", "64mb")
        evictions = int((await redis.info("stats"))["evicted_keys"])
        assert evictions > 0
        case.injected("evictions", evictions)
    finally:
        await front_end.close()
        await redis.aclose()


async def composed_for_a_crowd(case: Case) -> int:
    """How often the whole day was asked for, by PostgreSQL's own log."""
    booking = case.booking()
    log = case.stack.home.logs / "postgres.log"
    crowd = [case.front_end() for _ in range(READERS)]
    await asyncio.gather(*(each.ask(Kind.DAY, booking) for each in crowd))  # connected now
    await flush_redis(case.stack.address("valkey"))
    await renewed(case, booking.slot.doctor_id)  # or the API's process remembers it
    begun = log.stat().st_size
    async with statements_logged(case.stack.address("postgres")):
        await asyncio.gather(*(look(each, booking) for each in crowd))
    lines = log.read_bytes()[begun:].splitlines()
    doctor = booking.slot.doctor_id.encode()
    return sum(doctor in line and b"= 't'" in line and b"arameters" in line for line in lines)


async def look(front_end: FrontEnd, booking: Booking) -> None:
    seen = await front_end.ask(Kind.DAY, booking)
    assert seen.body["state"] == "free"
    await front_end.close()
