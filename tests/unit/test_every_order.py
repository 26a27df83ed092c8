"""A slow fill, an invalidation and a second reader in every order: no read shows a stale day.

The product's own reader, cache, day book and invalidation run over servers whose every step the
test takes. Orders that have led to one state go on as one, so that all of them can be walked.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import orjson
import pytest

from adapters.postgres.days import DayBook, DayKey, DayVersion
from adapters.redis.bounded import PATIENCE_SECONDS
from adapters.redis.cache import DayCache, DayReader, Found, Look, invalidate
from api.booking.single_flight import SingleFlight
from api.schedule.rendered_days import RenderedDays
from tests.builders import SECRET
from tests.fakes.cache import DESK, DOCTOR, MONDAY, NINE, SLOT
from tests.fakes.stage import (
    ACTOR,
    Stage,
    SteppedDatabase,
    SteppedPostgres,
    SteppedRedis,
    StillLoop,
)

State = tuple[object, ...]

pytestmark = pytest.mark.timeout(400)  # ten times what two busy cores need

TIME_PASSES = "the cache's clients lose patience"


class Trusting(DayReader):
    """The usual cache-aside: what is cached is served, whatever its version."""

    async def look(self, doctor_id: UUID, day: date) -> Look:
        kept = await self._cache.get(doctor_id, day)
        if kept is None:
            return await super().look(doctor_id, day)
        itself = DayVersion(desk=DESK, version=orjson.loads(kept)[0], now=NINE - SLOT)
        return Look(key=(doctor_id, day), current=itself, arrived=0)


class Joining(DayReader):
    """Takes whatever composition is under way, also one that began before the reader came."""

    async def find(self, look: Look) -> Found:
        flight = self._flights.get(look.key) or self._take_off(look)
        return await asyncio.shield(flight.task)


class Noted(DayBook):
    """Writes down what each reader is told, and whether it waits for the next look."""

    def __init__(self, database: SteppedDatabase, stage: Stage) -> None:
        super().__init__(database)  # type: ignore[arg-type] # stands for it
        self._stage = stage

    async def version(self, doctor_id: UUID, day: date) -> DayVersion:
        self._stage.note("waits", self._versions._turn is not None)  # noqa: SLF001 - tells states apart
        told = await self._told(doctor_id, day)
        self._stage.note("waits", None)
        self._stage.note("version", told.version)
        return told

    async def _told(self, doctor_id: UUID, day: date) -> DayVersion:
        return await super().version(doctor_id, day)


class Hasty(Noted):
    """Takes the answer of whatever look is under way, also one that began before."""

    def __init__(self, database: SteppedDatabase, stage: Stage) -> None:
        super().__init__(database, stage)
        self._looks: SingleFlight[DayKey, DayVersion] = SingleFlight()

    async def _told(self, doctor_id: UUID, day: date) -> DayVersion:
        return await self._looks.ask(
            (doctor_id, day), lambda: super(Hasty, self)._told(doctor_id, day)
        )


class Process:
    """An API process that reads as the product does."""

    def __init__(self, name: str, book: DayBook, reader: DayReader) -> None:
        self.name = name
        self.book = book
        self.reader = reader
        self.days = RenderedDays(reader)

    def knows(self) -> tuple[object, ...]:
        remembered = self.days._remembered.values()  # noqa: SLF001 - tells states apart
        return tuple(day.version for day in remembered)

    def composes(self) -> bool:
        return any(flight.began for flight in self.reader._flights.values())  # noqa: SLF001


STATE_AT = {1: "free", 2: "booked"}
"""What nine o'clock is at each revision of the day."""


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Who plays. `after_first_look`: one reader has missed the cache and is about to compose.

    `remembers`: the processes and Redis have the day as it was before it was booked.
    """

    reader: type[DayReader] = DayReader
    book: type[Noted] = Noted
    processes: int = 2
    has_patience: bool = True
    after_first_look: bool = False
    remembers: bool = False


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
        self._reads_in: dict[str, Process] = {}

    async def begin(self) -> None:
        *processes, office = [
            await self._process(f"process {number}") for number in range(self._cast.processes + 1)
        ]
        self._reads_in = {"one": processes[0], "another": processes[-1]}
        self._act("one", self._reads("one"))
        while self._cast.after_first_look and "one: day" not in (now := await self.possible()):
            await self.take(now[0])
        self._act("another", self._reads("another"))
        self._act("writer", self._writes_and_tells(office.book))

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

        def facts(who: str) -> tuple[object, ...]:
            return _steps_of(who, possible), sorted(told[who].items())

        readers = sorted(
            repr((facts(who), facts(where.name), where.knows()))
            for who, where in self._reads_in.items()
        )
        writer = tuple(_steps_of("writer", possible))
        telling = tuple(_steps_of(f"process {self._cast.processes}", possible))
        kept = tuple(self.redis.kept.items())
        revision = self.postgres.revision
        return (*readers, writer, telling, kept, revision, self._time_may_pass)

    def _act(self, actor: str, does: Coroutine[object, object, None]) -> None:
        async def act() -> None:
            ACTOR.set(actor)
            await does

        self._tasks.append(asyncio.create_task(act()))

    async def _process(self, name: str) -> Process:
        """One that knows the desk already: a new one asks twice the first time."""
        ACTOR.set("nobody")
        book = self._cast.book(SteppedDatabase(self.postgres, name), self.stage)
        cache = DayCache(self.redis, SECRET)  # type: ignore[arg-type] # stands for the client
        process = Process(name, book, self._cast.reader(book, cache))
        self.stage.is_open = True
        await book.version(DOCTOR, MONDAY)
        if self._cast.remembers:
            await process.days.read(DOCTOR, MONDAY)
            await process.reader.close()
        self.stage.is_open = False
        return process

    async def _reads(self, who: str) -> None:
        """A read is true if the slot was so at some instant between its begin and its end."""
        where = self._reads_in[who]
        await self.stage.step("arrive")
        began = self.postgres.revision
        self.stage.note("began", (began, where.composes()))
        day, _ = await where.days.read(DOCTOR, MONDAY)
        seen = orjson.loads(day.body)["slots"][0]["state"]
        true = sorted({STATE_AT[each] for each in range(began, self.postgres.revision + 1)})
        self.stage.forget("set")
        if seen not in true:
            self.lies.append(f"{who} saw {seen}, true was {true}")

    async def _writes_and_tells(self, book: DayBook) -> None:
        await self.stage.step("commit")
        self.postgres.write(booked=True)
        await invalidate(self.redis, book, DOCTOR, NINE)  # type: ignore[arg-type] # as above
        self.stage.forget()


def _steps_of(actor: str, steps: list[str]) -> list[str]:
    return [step.removeprefix(actor) for step in steps if step.startswith(f"{actor}:")]


class Caught(Exception):
    """Somebody saw what a walk was to look for."""


class Walk:
    """Through every order of steps of a story; a state that was seen is not walked from again.

    Raises Caught as soon as a lie ends in `until`.
    """

    def __init__(self, tell: Callable[[], Story], *, until: str | None = None) -> None:
        self._tell = tell
        self._until = until
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
            if self._until is not None and lie.endswith(self._until):
                await story.end()
                raise Caught(lie)
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


def walk(cast: Cast, *, until: str | None = None) -> tuple[int, Walk]:
    every = Walk(lambda: Story(cast), until=until)
    loop = StillLoop()
    with closing(loop):  # a walk that was broken off leaves actors whose steps nobody takes
        return loop.run_until_complete(every.orders()), every


EVERYTHING_OVERLAPS = {
    "in one process": (Cast(processes=1), 11_000),
    "in two processes": (Cast(processes=2), 400_000),
    "cache too slow": (Cast(has_patience=False, after_first_look=True), 80_000),
    "day remembered by one process": (Cast(processes=1, remembers=True), 3_000),
    "day remembered by two processes": (Cast(processes=2, remembers=True), 120_000),
}
TAKES_TIME = (
    "in one process",
    "in two processes",
    "cache too slow",
    "day remembered by two processes",
)


@pytest.mark.parametrize(
    "story",
    [
        pytest.param(story, marks=pytest.mark.exhaustive if story in TAKES_TIME else ())
        for story in EVERYTHING_OVERLAPS
    ],
)
def test_no_order_of_two_reads_and_an_invalidated_write_shows_a_stale_day(story: str) -> None:
    cast, at_least = EVERYTHING_OVERLAPS[story]

    orders, walked = walk(cast)

    assert walked.lies == {}
    assert orders > at_least


@pytest.mark.parametrize(
    "cast",
    [
        Cast(reader=Trusting, processes=1, after_first_look=True),
        pytest.param(
            Cast(reader=Trusting, processes=2, after_first_look=True),
            marks=pytest.mark.exhaustive,
        ),
        Cast(reader=Joining, processes=1, after_first_look=True),
        Cast(book=Hasty, processes=1, remembers=True),
    ],
    ids=["Trusting-1", "Trusting-2", "Joining-1", "Hasty-1"],
)
def test_a_reader_that_does_not_validate_is_caught(cast: Cast) -> None:
    with pytest.raises(Caught):
        walk(cast, until="saw free, true was ['booked']")
