"""The reader of days among other readers: never a stale day, and one composition for all."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import pytest

from adapters.redis.cache import DayReader
from domain.day import DaySchedule
from domain.errors import DoctorNotFound
from tests.fakes.cache import (
    DOCTOR,
    MONDAY,
    ConnectionLost,
    FakeDayBook,
    FakeDayCache,
    Steps,
)

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
