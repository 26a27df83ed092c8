"""A slow fill, an invalidation and a second reader in every order: no read shows a stale day.

The product's own reader, cache, day book and invalidation run over servers whose every step the
test takes. Orders that have led to one state go on as one, so that all of them can be walked.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from dataclasses import dataclass

import orjson
import pytest

from adapters.cache import PATIENCE_SECONDS, DayCache, DayReader, invalidate
from adapters.cached_day import decoded
from adapters.days import DayBook, DayVersion, FreshDay
from domain.day import DaySchedule
from tests.fakes.cache import DESK, DOCTOR, MONDAY, NINE, SLOT
from tests.fakes.stage import ACTOR, Stage, SteppedPostgres, SteppedRedis, StillLoop

State = tuple[object, ...]

pytestmark = pytest.mark.timeout(400)  # ten times what two busy cores need

TIME_PASSES = "the cache's clients lose patience"


class Trusting(DayReader):
    """The usual cache-aside: what is cached is served, whatever its version."""

    async def read(self, *of: object) -> tuple[DaySchedule, bool]:
        del of
        kept = await self._cache.get(DOCTOR, MONDAY)
        if kept is not None:
            itself = DayVersion(desk=DESK, version=orjson.loads(kept)[0], now=NINE - SLOT)
            day = decoded(kept, DOCTOR, MONDAY, itself)
            assert day is not None
            return day.at(itself.now), True
        fresh = await self._book.day(DOCTOR, MONDAY)
        await self._cache.put(fresh.day)
        return fresh.day.at(fresh.now), False


class Joining(DayReader):
    """Takes whatever composition is under way, also one that began before the reader came."""

    async def _composed(self, key: object, *_: object) -> FreshDay:
        assert key == (DOCTOR, MONDAY)
        flight = self._flights.get((DOCTOR, MONDAY)) or self._take_off((DOCTOR, MONDAY))
        return await asyncio.shield(flight.task)


STATE_AT = {1: "free", 2: "booked"}
"""What nine o'clock is at each revision of the day."""


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Who plays. `after_first_look`: one reader has missed the cache and is about to compose."""

    kind: type[DayReader] = DayReader
    processes: int = 2
    has_patience: bool = True
    after_first_look: bool = False


class Story:
    """Two readers, and a writer who books nine o'clock and tells."""

    def __init__(self, cast: Cast) -> None:
        self.stage = Stage()
        self.postgres = SteppedPostgres(self.stage)
        self.redis = SteppedRedis(self.stage)
        self.lies: list[str] = []
        self._cast = cast
        self._time_may_pass = not cast.has_patience
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        books = await self._books(self._cast.processes + 1)
        readers = [
            self._cast.kind(book, DayCache(self.redis))  # type: ignore[arg-type] # stands for the client
            for book in books[:-1]
        ]
        self._act("one", self._reads(readers[0]))
        while self._cast.after_first_look and "one: day" not in (now := await self.possible()):
            await self.take(now[0])
        self._act("another", self._reads(readers[-1]))
        self._act("writer", self._writes_and_tells(books[-1]))

    async def end(self) -> None:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def possible(self) -> list[str]:
        steps = await self.stage.possible()
        awaited = any(": get" in step or ": set" in step for step in steps)
        return [*steps, TIME_PASSES] if awaited and self._time_may_pass else steps

    async def take(self, step: str) -> None:
        if step != TIME_PASSES:
            self.stage.take(step)
            return
        self._time_may_pass = False
        loop = asyncio.get_running_loop()
        assert isinstance(loop, StillLoop)
        await loop.pass_time(2 * PATIENCE_SECONDS)

    def state(self, possible: list[str]) -> State:
        """All that decides what can follow: who waits for what, who knows what, what is kept.

        Both readers do the same, so their names do not matter.
        """
        told = self.stage.told
        readers = sorted(
            repr((_steps_of(who, possible), sorted(told[who].items())))
            for who in ("one", "another")
        )
        writer = tuple(_steps_of("writer", possible))
        kept = tuple(self.redis.kept.items())
        return (*readers, writer, kept, self.postgres.revision, self._time_may_pass)

    def _act(self, actor: str, does: Coroutine[object, object, None]) -> None:
        async def act() -> None:
            ACTOR.set(actor)
            await does

        self._tasks.append(asyncio.create_task(act()))

    async def _books(self, count: int) -> list[DayBook]:
        """Of processes that know the desk already: a new one asks twice the first time."""
        ACTOR.set("nobody")
        self.stage.is_open = True
        books = [
            DayBook(self.postgres)  # type: ignore[arg-type] # stands for the engine
            for _ in range(count)
        ]
        for book in books:
            await book.version(DOCTOR, MONDAY)
        self.stage.is_open = False
        return books

    async def _reads(self, reader: DayReader) -> None:
        """A read is true if the slot was so at some instant between its begin and its end."""
        await self.stage.step("arrive")
        began = self.postgres.revision
        self.stage.note("began", (began, len(reader._flights)))  # noqa: SLF001 - tells states apart
        schedule, _ = await reader.read(DOCTOR, MONDAY)
        seen = schedule.slots[0].state.value
        true = sorted({STATE_AT[each] for each in range(began, self.postgres.revision + 1)})
        self.stage.forget("set")
        if seen not in true:
            self.lies.append(f"{ACTOR.get()} saw {seen}, true was {true}")

    async def _writes_and_tells(self, book: DayBook) -> None:
        await self.stage.step("commit")
        self.postgres.write(booked=True)
        await invalidate(self.redis, book, DOCTOR, NINE)  # type: ignore[arg-type] # as above
        self.stage.forget()


def _steps_of(actor: str, steps: list[str]) -> list[str]:
    return [step.removeprefix(actor) for step in steps if step.startswith(f"{actor}:")]


class Walk:
    """Through every order of steps of a story; a state that was seen is not walked from again."""

    def __init__(self, tell: Callable[[], Story]) -> None:
        self._tell = tell
        self._orders_from: dict[State, int] = {}
        self.lies: dict[str, list[str]] = {}

    async def orders(self) -> int:
        story = await self._retold([])
        return await self._orders(story, [])

    @property
    def states(self) -> int:
        return len(self._orders_from)

    async def _orders(self, story: Story, taken: list[str]) -> int:
        """How many orders begin with these steps; the story has come so far."""
        possible = await story.possible()
        state = story.state(possible)
        for lie in story.lies:
            self.lies.setdefault(lie, taken)
        if state in self._orders_from:
            await story.end()
            return self._orders_from[state]
        count = 0
        for step in possible:
            story = story if step == possible[0] else await self._retold(taken)
            await story.take(step)
            count += await self._orders(story, [*taken, step])
        if not possible:
            await story.end()
        self._orders_from[state] = count or 1
        return count or 1

    async def _retold(self, taken: list[str]) -> Story:
        story = self._tell()
        await story.begin()
        for step in taken:
            await story.possible()
            await story.take(step)
        await story.possible()
        return story


def walk(cast: Cast) -> tuple[int, Walk]:
    every = Walk(lambda: Story(cast))
    loop = StillLoop()
    with closing(loop):  # a walk that was broken off leaves actors whose steps nobody takes
        return loop.run_until_complete(every.orders()), every


EVERYTHING_OVERLAPS = {
    "in one process": (Cast(processes=1), 20_000_000),
    "in two processes": (Cast(processes=2), 80_000_000),
    "cache too slow": (Cast(has_patience=False, after_first_look=True), 4_000_000),
}


@pytest.mark.parametrize("story", EVERYTHING_OVERLAPS)
def test_no_order_of_two_reads_and_an_invalidated_write_shows_a_stale_day(story: str) -> None:
    cast, at_least = EVERYTHING_OVERLAPS[story]

    orders, walked = walk(cast)

    assert walked.lies == {}
    assert orders > at_least


@pytest.mark.parametrize(
    ("kind", "processes"), [(Trusting, 1), (Trusting, 2), (Joining, 1)], ids=str
)
def test_a_reader_that_does_not_validate_is_caught(kind: type[DayReader], processes: int) -> None:
    _, walked = walk(Cast(kind=kind, processes=processes, after_first_look=True))

    assert "another saw free, true was ['booked']" in walked.lies
