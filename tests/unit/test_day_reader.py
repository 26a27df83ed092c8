"""The reader of days in every order of steps: never a stale day, and one composition for all."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from adapters.cache import DayReader
from adapters.cached_day import decoded
from adapters.days import DayVersion
from domain.day import DaySchedule
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

Read = Callable[[], Awaitable[DaySchedule]]


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What a reader saw of the nine o'clock slot, and between which steps."""

    began: int
    ended: int
    state: str


class Story:
    """One order of steps of two readers and of a booking that is announced as in the product."""

    def __init__(self, steps: Steps, *, processes: int, is_warm: bool) -> None:
        self.steps = steps
        self.book = FakeDayBook(steps)
        self.cache = FakeDayCache(steps)
        self.readers = [DayReader(self.book, self.cache) for _ in range(processes)]
        self.is_warm = is_warm
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


async def play(story: Story, reads: Callable[[int], Read], choices: list[int]) -> list[int]:
    """Follow the choices, then always the first; returns how many there were at each step."""
    if story.is_warm:
        warming = asyncio.create_task(story.reads(reads(0)))
        await run_through(story.steps)
        await warming
        story.sights.clear()
    actors = [asyncio.create_task(story.reads(reads(number))) for number in range(2)]
    actors.append(asyncio.create_task(story.books()))
    options = []
    while possible := await story.steps.possible():
        story.steps.take(choices[len(options)] if len(options) < len(choices) else 0)
        options.append(possible)
    await asyncio.gather(*actors)
    return options


async def every_order(
    *, reads: Callable[[Story], Callable[[int], Read]], processes: int = 1, is_warm: bool = False
) -> list[int]:
    """How many lies each order of steps led to."""
    lies, choices = [], []
    while True:
        story = Story(Steps(), processes=processes, is_warm=is_warm)
        options = await play(story, reads(story), choices)
        lies.append(len(story.lies()))
        choices += [0] * (len(options) - len(choices))
        while choices and choices[-1] + 1 >= options[len(choices) - 1]:
            choices.pop()
        if not choices:
            return lies
        choices[-1] += 1


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("is_warm", [False, True])
async def test_no_order_of_steps_shows_a_stale_day(processes: int, *, is_warm: bool) -> None:
    lies = await every_order(
        reads=lambda story: story.validated, processes=processes, is_warm=is_warm
    )

    print(len(lies))
    assert len(lies) > 1000
    assert sum(lies) == 0


async def test_a_reader_that_trusts_the_cache_would_be_caught() -> None:
    lies = await every_order(reads=lambda story: story.trusting)

    assert sum(lies) > 0
