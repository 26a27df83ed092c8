"""One at a time where one will do."""

import asyncio

import pytest

from api.booking.single_flight import KeyLocks, SingleFlight


async def test_others_wait_for_the_end_of_a_turn() -> None:
    turns: KeyLocks[str] = KeyLocks()
    order: list[str] = []

    async def wait() -> None:
        await turns.end_of("slot")
        order.append("follower")

    async with turns.turn("slot"):
        followers = [asyncio.create_task(wait()) for _ in range(3)]
        await asyncio.sleep(0)
        assert not turns.is_free("slot")
        assert turns.is_free("another slot")
        order.append("first")
    await asyncio.gather(*followers)

    assert order == ["first", "follower", "follower", "follower"]
    assert turns.is_free("slot")


async def test_a_turn_that_fails_ends_as_well() -> None:
    turns: KeyLocks[str] = KeyLocks()

    with pytest.raises(LookupError):
        async with turns.turn("slot"):
            raise LookupError

    assert turns.is_free("slot")
    await turns.end_of("slot")


async def test_a_turn_cannot_be_taken_twice() -> None:
    turns: KeyLocks[str] = KeyLocks()

    async with turns.turn("slot"):
        with pytest.raises(RuntimeError):
            async with turns.turn("slot"):
                pass


async def test_simultaneous_askers_share_one_answer_and_later_ones_get_a_new_one() -> None:
    shared: SingleFlight[str, int] = SingleFlight()
    asked = 0

    async def find() -> int:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return asked

    together = await asyncio.gather(*(shared.ask("slot", find) for _ in range(5)))
    later = await shared.ask("slot", find)

    assert together == [1, 1, 1, 1, 1]
    assert later == 2


async def test_an_asker_who_leaves_takes_nothing_from_the_others() -> None:
    shared: SingleFlight[str, int] = SingleFlight()
    found = asyncio.Event()

    async def find() -> int:
        await found.wait()
        return 7

    leaving = asyncio.create_task(shared.ask("slot", find))
    staying = asyncio.create_task(shared.ask("slot", find))
    await asyncio.sleep(0)
    leaving.cancel()
    found.set()

    assert await staying == 7
