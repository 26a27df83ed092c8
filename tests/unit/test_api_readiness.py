"""Which servers answer."""

import asyncio

from api.readiness import ReadinessProbe


async def up() -> None:
    """Answer at once."""


async def down() -> None:
    raise OSError


async def test_messages_and_cache_away_are_told_and_bookings_go_on() -> None:
    watch = ReadinessProbe({"postgres": up, "temporal": up, "redis": down, "kafka": down})

    readiness = await watch.look()

    assert readiness.is_ready
    assert dict(readiness.dependencies) == {
        "postgres": "up",
        "temporal": "up",
        "redis": "down",
        "kafka": "down",
    }


async def test_without_postgresql_or_temporal_nothing_is_ready() -> None:
    for away in ("postgres", "temporal"):
        watch = ReadinessProbe({"postgres": up, "temporal": up, away: down})

        assert not (await watch.look()).is_ready


async def test_a_server_that_is_stuck_is_not_waited_for() -> None:
    """Nor its end, once it was told to end."""
    may_end, has_ended = asyncio.Event(), asyncio.Event()

    async def stuck() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await may_end.wait()
            has_ended.set()

    watch = ReadinessProbe({"postgres": up, "temporal": stuck})

    readiness = await asyncio.wait_for(watch.look(), 20)

    assert dict(readiness.dependencies) == {"postgres": "up", "temporal": "down"}
    assert not has_ended.is_set()
    may_end.set()
    await asyncio.wait_for(has_ended.wait(), 20)
    await watch.close()


async def test_servers_are_asked_at_most_once_a_second() -> None:
    asked = 0

    async def count() -> None:
        nonlocal asked
        asked += 1

    watch = ReadinessProbe({"postgres": count, "temporal": up})
    for _ in range(5):
        await watch.look()

    assert asked == 1
