"""PostgreSQL and Redis in memory, where a test decides which step of which actor is next."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import Context, ContextVar
from typing import Self, TypeVarTuple, Unpack

from psycopg.sql import SQL

from adapters.postgres.rows import Row
from adapters.postgres.seeing import Sees
from tests.fakes.cache import DESK, NINE, SLOT

Arguments = TypeVarTuple("Arguments")

ACTOR: ContextVar[str] = ContextVar("actor")
"""Whose step it is; tasks that an actor's code makes are the actor's too."""


class StillLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands until it is moved, and that knows when all is at rest."""

    now = 0.0
    called = 0

    def time(self) -> float:
        return self.now

    def call_soon(
        self,
        callback: Callable[[Unpack[Arguments]], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        self.called += 1
        return super().call_soon(callback, *args, context=context)

    async def at_rest(self) -> None:
        """Return when everything that can go on without a step has gone on.

        A turn in which only this one asked to be called again leaves nobody else to be called.
        """
        before = -1
        while self.called != before + 1:
            before = self.called
            await asyncio.sleep(0)

    async def pass_time(self, seconds: float) -> None:
        """Timers that are due are called after those who are there already: hence a turn."""
        self.now += seconds
        await asyncio.sleep(0)


class Stage:
    """Holds every step until the test takes it, and writes down what each actor was told."""

    def __init__(self) -> None:
        self.told: dict[str, dict[str, object]] = defaultdict(dict)
        self.is_open = False
        self._waiting: dict[str, asyncio.Future[None]] = {}

    async def step(self, name: str) -> None:
        if self.is_open:
            return
        label = f"{ACTOR.get()}: {name}"
        assert label not in self._waiting, "two steps of one name cannot be told apart"
        turn = self._waiting[label] = asyncio.get_running_loop().create_future()
        try:
            await turn
        finally:
            self._waiting.pop(label, None)

    def note(self, what: str, fact: object) -> None:
        """An actor knows something that what it does next may depend on."""
        self.told[ACTOR.get()][what] = fact

    def forget(self, *but: str) -> None:
        told = self.told[ACTOR.get()]
        for what in told.keys() - set(but):
            del told[what]

    async def possible(self) -> list[str]:
        """Which steps could be next."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, StillLoop)
        await loop.at_rest()
        return sorted(self._waiting)

    def take(self, label: str) -> None:
        self._waiting[label].set_result(None)


class SteppedPostgres:
    """One doctor's day in the database, where nine o'clock may be booked."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.revision = 1
        self.booked = False

    def write(self, *, booked: bool) -> None:
        self.revision += 1
        self.booked = booked


class SteppedDatabase:
    """Stands for the database of a process's `DayBook`, and for the connection that it lends.

    A statement sees the rows at one instant; its answer arrives at another. A look at versions is
    the process's own step, whichever reader it is for.
    """

    closed = False

    def __init__(self, postgres: SteppedPostgres, process: str) -> None:
        self._postgres = postgres
        self._process = process

    @asynccontextmanager
    async def lend(self, _: Sees | None = None) -> AsyncIterator[Self]:
        yield self

    def cursor(self, **_: object) -> "SteppedCursor":
        return SteppedCursor(self._answer)

    async def _answer(self, *, whole: bool) -> Row:
        if whole:
            return await self._read("day", whole=True)
        actor = ACTOR.set(self._process)
        try:
            return await self._read("version", whole=False)
        finally:
            self._postgres.stage.forget()
            ACTOR.reset(actor)

    async def _read(self, name: str, *, whole: bool) -> Row:
        await self._postgres.stage.step(name)
        self._postgres.stage.note(name, self._postgres.revision)
        told = self._row(whole=whole)
        await self._postgres.stage.step(f"{name} answered")
        return told

    def _row(self, *, whole: bool) -> Row:
        visit = (NINE.isoformat(), (NINE + SLOT).isoformat(), False, None)
        shift = (NINE.isoformat(), (NINE + 4 * SLOT).isoformat(), "open")
        return {
            "nth": 1,
            "practitioner_id": DESK.practitioner_id,
            "clinic_id": DESK.clinic_id,
            "slot_minutes": DESK.slot_minutes,
            "time_zone": DESK.zone.key,
            "now": NINE - SLOT,
            "version": str(self._postgres.revision),
            "rows": [visit] if whole and self._postgres.booked else None,
            "shifts": [shift] if whole else None,
        }


class SteppedCursor:
    """Stands for the driver's cursor: one row answers each statement."""

    def __init__(self, answer: Callable[..., Awaitable[Row]]) -> None:
        self._answer = answer

    async def execute(self, _statement: SQL, parameters: Mapping[str, object]) -> None:
        self._row = await self._answer(whole=bool(parameters["whole"]))

    async def fetchall(self) -> list[Row]:
        return [self._row]


class SteppedRedis:
    """Stands for the client: a command that nobody waits for any more happens all the same.

    A reply comes with its effect: a later one is the same as a later next step.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._under_way: set[asyncio.Task[object]] = set()
        self.kept: dict[str, bytes] = {}

    async def get(self, key: str) -> object:
        return await self._command("get", lambda: self.kept.get(key))

    async def set(self, key: str, value: bytes, *, ex: object) -> object:
        assert ex
        self._stage.note("set", value)
        return await self._command("set", lambda: self.kept.update({key: value}))

    def pipeline(self, *, transaction: bool) -> "SteppedPipeline":
        assert not transaction
        return SteppedPipeline(self)

    async def delete(self, key: str) -> None:
        await self._command("delete", lambda: self.kept.pop(key, None))

    async def _command(self, name: str, effect: Callable[[], object]) -> object:
        under_way = asyncio.create_task(self._happens(name, effect))
        self._under_way.add(under_way)
        under_way.add_done_callback(self._under_way.discard)
        try:
            reply = await asyncio.shield(under_way)
        except asyncio.CancelledError:
            self._stage.note(name, "no patience")
            raise
        return reply

    async def _happens(self, name: str, effect: Callable[[], object]) -> object:
        await self._stage.step(name)
        reply = effect()
        self._stage.note(name, reply)
        return reply


class SteppedPipeline:
    """The commands of an invalidation: forget the day, and tell open pages."""

    def __init__(self, redis: SteppedRedis) -> None:
        self._redis = redis
        self._key = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    def delete(self, key: str) -> None:
        self._key = key

    def publish(self, _channel: str, _notice: bytes) -> None:
        """Nobody listens here."""

    async def execute(self) -> None:
        await self._redis.delete(self._key)
