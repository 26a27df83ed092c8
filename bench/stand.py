"""The product's stack for measurements of growth: databases that are put under it in turns."""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from aiokafka import AIOKafkaConsumer
from psycopg import sql

from adapters.redis.cache import connect_redis
from bench import engines, topic
from bench.counters import Counters
from bench.engines import Engine
from bench.figures import Turn
from bench.free_slots import read_wishes
from bench.history import add_history
from bench.speed import Wish
from bench.turns import Settle, Turns, events_are_all
from stack import run_state
from stack.control import Request, ask
from stack.embedded import whole_stack
from stack.errors import StackError
from stack.home import Home

OURS = ("api", "worker")
TELLERS = ("notifier", "mailbox")
PATIENTS = "SELECT id::text FROM patients ORDER BY id"


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much a clinic has: past rows of `schedules`, doctors, days of shifts ahead."""

    rows: int
    doctors: int
    days: int
    patients: int = 20_000

    @property
    def database(self) -> str:
        return f"growth_{self.rows}_{self.doctors}"

    @property
    def name(self) -> str:
        return f"{self.rows} rows, {self.doctors} doctors"


@dataclass(kw_only=True)
class Stand:
    """A stack of its own, and which database is the product's at the moment."""

    home: Home
    consumer: AIOKafkaConsumer
    connection: psycopg.AsyncConnection
    placed: str | None = None
    turns: dict[str, Turns] = field(default_factory=dict)

    @property
    def state(self) -> run_state.RunState:
        """As it is now: a process that was started again has another pid."""
        state = run_state.read(self.home.run_file)
        if state is None:
            raise StackError("the stack is gone")
        return state

    @property
    def api(self) -> str:
        return self.state["api"] or ""

    @property
    def database_url(self) -> str:
        return self.state["databaseUrl"] or ""

    @property
    def engine(self) -> Engine:
        return engines.product(self.state)

    @property
    def counters(self) -> Counters:
        shared = ("postgres", "valkey", "kafka")
        pids = {name: pid for name, pid in self.state["pids"].items() if name in shared and pid}
        return Counters(self.connection, pids)

    async def tell(self, command: str, *names: str) -> None:
        """`stop` or `start` parts of the stack, in this order; returns when it is so."""
        for name in names:
            request = Request(command=command, name=name)
            answer = await asyncio.to_thread(ask, self.home.control_socket, request)
            if "error" in answer:
                raise StackError(answer["error"])

    async def make(self, size: Size) -> float:
        """A database of this size, from the product's empty one; how many seconds it took."""
        begun = time.monotonic()
        await self._execute("CREATE DATABASE {} TEMPLATE priyom", size.database)
        url = engines.database_url(self.database_url, size.database)
        environment = {**os.environ, "DATABASE_URL": url}
        await asyncio.to_thread(engines.fill, environment, doctors=size.doctors, days=size.days)
        await add_history(url, rows=size.rows, patients=size.patients)
        return time.monotonic() - begun

    async def put(self, size: Size) -> None:
        """Under the product, whose processes are started anew: nothing is left of the last one."""
        await self.tell("stop", *OURS)
        if self.placed is not None:
            await self._rename("priyom", self.placed)
        else:
            await self._rename("priyom", "growth_empty")
        await self._rename(size.database, "priyom")
        self.placed = size.database
        redis = connect_redis(self.state["redisUrl"] or "", name="growth")
        await redis.flushall()
        await redis.aclose()
        await self.tell("start", *reversed(OURS))

    async def load(
        self,
        size: Size,
        engine: Engine,
        turn: Turn,
        *,
        seconds: float,
        settle: Settle = events_are_all,
    ) -> Turn:
        """One turn on the database that was put; it goes on with its own list of wishes."""
        if size.database not in self.turns:
            wishes = await wishes_of_many(self.database_url)
            self.turns[size.database] = Turns(wishes, self.counters, self.consumer)
        turns = self.turns[size.database]
        turns.count_by(self.counters)
        return await turns.take(engine, turn, seconds=seconds, settle=settle)

    def turns_from(self, size: Size, wishes: list[Wish]) -> None:
        """Take the turns on this database from these wishes only."""
        self.turns[size.database] = Turns(wishes, self.counters, self.consumer)

    async def _rename(self, old: str, new: str) -> None:
        await self._execute("ALTER DATABASE {} RENAME TO {}", old, new)

    async def _execute(self, statement: str, *names: str) -> None:
        identifiers = [sql.Identifier(name) for name in names]
        await self.connection.execute(sql.SQL(statement).format(*identifiers))


@asynccontextmanager
async def stand(settings: Mapping[str, str]) -> AsyncIterator[Stand]:
    home = Home(Path(tempfile.mkdtemp(prefix="priyom-growth-")))
    async with AsyncExitStack() as things:
        state = await things.enter_async_context(whole_stack(home.root, settings))
        url = engines.database_url(state["databaseUrl"] or "", "postgres")
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
        await things.enter_async_context(connection)
        consumer = await topic.open_topic(state["kafkaBootstrapServers"] or "")
        things.push_async_callback(consumer.stop)
        it = Stand(home=home, consumer=consumer, connection=connection)
        await it.tell("stop", *TELLERS, *OURS)
        yield it


async def wishes_of_many(database_url: str) -> list[Wish]:
    """Free slots, each for a patient of its own: nobody's visits or holds pile up."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        patients = [row[0] for row in await (await connection.execute(PATIENTS)).fetchall()]
    slots = await read_wishes(database_url)
    return [
        (patient, doctor, at) for patient, (_, doctor, at) in zip(patients, slots, strict=False)
    ]
