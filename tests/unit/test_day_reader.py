"""The reader of days in every order of steps: never a stale day, and one composition for all."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import pytest

from adapters.cache import DayReader
from adapters.cached_day import decoded
from adapters.days import DayVersion
from domain.day import DaySchedule
from domain.errors import DoctorNotFound
from tests.fakes.cache import (
    DESK,
    DOCTOR,
    MONDAY,
    NINE,
    SLOT,
    ConnectionLost,
    FakeDayBook,
    FakeDayCache,
    Steps,
)

READERS = 2

Read = Callable[[], Awaitable[DaySchedule]]


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What a reader saw of the nine o'clock slot, and between which steps."""

    began: int
    ended: int
    state: str


class Story:
    """One order of steps of two readers and of a booking that is announced as in the product."""

    def __init__(self, steps: Steps, *, processes: int) -> None:
        self.steps = steps
        self.book = FakeDayBook(steps)
        self.cache = FakeDayCache(steps)
        self.readers = [DayReader(self.book, self.cache) for _ in range(processes)]
        self.sights: list[Sight] = []
        self.committed = 0

    async def reads(self, read: Read) -> None:
        await self.steps.step("arrive")
        began = self.steps.taken
        schedule = await read()
        self.sights.append(
            Sight(began=began, ended=self.steps.taken, state=schedule.slots[0].state.value)
        )

    async def books(self) -> None:
        await self.steps.step("commit")
        self.book.book_nine()
        self.committed = self.steps.taken
        await self.cache.forget(DOCTOR, MONDAY)

    def validated(self, number: int) -> Read:
        reader = self.readers[number % len(self.readers)]

        async def read() -> DaySchedule:
            return (await reader.read(DOCTOR, MONDAY))[0]

        return read

    def trusting(self, _: int) -> Read:
        """The usual cache-aside: what is cached is served."""

        async def read() -> DaySchedule:
            kept = await self.cache.get(DOCTOR, MONDAY)
            if kept is not None:
                for version in "12":
                    believed = DayVersion(desk=DESK, version=version, now=NINE - SLOT)
                    day = decoded(kept, DOCTOR, MONDAY, believed)
                    if day is not None:
                        return day.at(NINE - SLOT)
            fresh = await self.book.day(DOCTOR, MONDAY)
            await self.cache.put(fresh.day)
            return fresh.day.at(fresh.now)

        return read

    def lies(self) -> list[Sight]:
        """Sights of a free slot after the commit, or of a booked one before it."""
        return [
            sight
            for sight in self.sights
            if (sight.began >= self.committed and sight.state != "booked")
            or (sight.ended < self.committed and sight.state != "free")
        ]


async def run_through(steps: Steps) -> None:
    """Let happen whatever can, first come first."""
    while await steps.possible():
        steps.take(0)


async def until(steps: Steps, name: str) -> None:
    """Let happen whatever can until the named step is next."""
    while await steps.possible() and name not in steps.names():
        steps.take(0)


async def play(story: Story, reads: Callable[[int], Read], choices: list[int]) -> list[int]:
    """A slow fill is about to look; from then on each step is a choice until both have read.

    Returns how many choices there were at each step.
    """
    slow = asyncio.create_task(story.reads(reads(0)))
    await until(story.steps, "snapshot")
    others = [asyncio.create_task(story.books()), asyncio.create_task(story.reads(reads(1)))]
    options: list[int] = []
    while (possible := await story.steps.possible()) and len(story.sights) < READERS:
        story.steps.take(choices[len(options)] if len(options) < len(choices) else 0)
        options.append(possible)
    await run_through(story.steps)
    await asyncio.gather(slow, *others)
    return options


async def every_order(
    reads: Callable[[Story], Callable[[int], Read]], *, processes: int
) -> AsyncIterator[list[Sight]]:
    """The lies that each order of steps led to."""
    choices: list[int] = []
    while True:
        story = Story(Steps(), processes=processes)
        options = await play(story, reads(story), choices)
        yield story.lies()
        choices += [0] * (len(options) - len(choices))
        while choices and choices[-1] + 1 >= options[len(choices) - 1]:
            choices.pop()
        if not choices:
            return
        choices[-1] += 1


@pytest.mark.parametrize("processes", [1, 2])
async def test_no_order_of_a_slow_fill_a_booking_and_a_read_shows_a_stale_day(
    processes: int,
) -> None:
    orders = 0

    async for lies in every_order(lambda story: story.validated, processes=processes):
        orders += 1
        assert lies == []

    assert orders > 300


async def test_a_reader_that_trusts_the_cache_is_caught_by_the_same_orders() -> None:
    async for lies in every_order(lambda story: story.trusting, processes=1):
        if lies:
            return

    pytest.fail("the orders are too few to show a stale day")


@pytest.mark.parametrize("seed", range(20))
async def test_no_order_of_many_readers_in_two_processes_shows_a_stale_day(seed: int) -> None:
    chance = random.Random(seed)

    for _ in range(15):
        story = Story(Steps(), processes=2)
        actors = [asyncio.create_task(story.reads(story.validated(n))) for n in range(5)]
        actors.append(asyncio.create_task(story.books()))
        while possible := await story.steps.possible():
            story.steps.take(chance.randrange(possible))
        await asyncio.gather(*actors)

        assert story.lies() == []


async def test_readers_who_come_together_share_one_composition() -> None:
    story = Story(Steps(), processes=1)

    readers = [asyncio.create_task(story.reads(story.validated(0))) for _ in range(20)]
    await run_through(story.steps)
    await asyncio.gather(*readers)

    assert story.book.composed == 1


async def test_a_second_read_is_served_from_the_cache() -> None:
    story = Story(Steps(), processes=2)
    first = asyncio.create_task(story.readers[0].read(DOCTOR, MONDAY))
    await run_through(story.steps)

    second = asyncio.create_task(story.readers[1].read(DOCTOR, MONDAY))
    await run_through(story.steps)

    assert await second == ((await first)[0], True)
    assert story.book.composed == 1


async def test_a_reader_who_leaves_does_not_take_the_day_from_the_others() -> None:
    story = Story(Steps(), processes=1)
    leader, other = (asyncio.create_task(story.reads(story.validated(0))) for _ in range(2))
    await until(story.steps, "day answered")

    leader.cancel()
    await run_through(story.steps)

    await other
    assert leader.cancelled()
    assert story.book.composed == 1


async def test_a_fault_of_one_reader_is_not_the_fault_of_the_others() -> None:
    story = Story(Steps(), processes=1)
    story.book.faults = 1
    readers = [asyncio.create_task(story.reads(story.validated(0))) for _ in range(5)]
    await run_through(story.steps)

    ended = await asyncio.gather(*readers, return_exceptions=True)

    assert [type(end) for end in ended].count(ConnectionLost) == 1
    assert len(story.sights) == 4
    assert story.book.composed == 2


async def test_a_database_that_stays_away_is_asked_twice_and_no_more() -> None:
    story = Story(Steps(), processes=1)
    story.book.faults = 100
    readers = [asyncio.create_task(story.reads(story.validated(0))) for _ in range(5)]
    await run_through(story.steps)

    ended = await asyncio.gather(*readers, return_exceptions=True)

    assert {type(end) for end in ended} == {ConnectionLost}
    assert story.book.composed == 2


async def test_an_unknown_doctor_is_refused() -> None:
    story = Story(Steps(), processes=1)
    reading = asyncio.create_task(story.readers[0].read(UUID(int=7), MONDAY))
    await run_through(story.steps)

    with pytest.raises(DoctorNotFound):
        await reading
