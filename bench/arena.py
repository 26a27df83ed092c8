"""Starts everything that is measured, on free loopback ports in a temporary directory.

The engines share PostgreSQL, Kafka and Valkey, each with a database of its own. While one is
measured the processes of all others are stopped (SIGSTOP): whatever the shared servers use is its
own, and it has the machine to itself.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from aiokafka import AIOKafkaConsumer

from bench import engines, topic
from bench.counters import Counters
from bench.engines import PEERS, Engine, Place
from bench.figures import PRODUCT
from bench.issuer import NOBODY_IS_LIMITED, TokenOf, issuing
from bench.messages import NO_QUIET_HOURS
from bench.processes import tell_supervisor
from stack.embedded import whole_stack
from stack.home import Home
from stack.ports import Ports
from stack.progress import Steps
from stack.run_state import RunState

SHARED = ("postgres", "valkey", "kafka")
TELLERS = ("mailbox", "notifier")
"""Peers deliver nothing, so these are stopped while the engines are compared."""

DOCTORS, DAYS = 200, 28
"""Enough free slots for all turns of the fastest engine."""


@dataclass(frozen=True, kw_only=True)
class Arena:
    """Everything is up, and every engine is paused."""

    home: Home
    state: RunState
    engines: list[Engine]
    counters: Counters
    consumer: AIOKafkaConsumer
    token_of: TokenOf | None
    """Null where nobody signs in."""

    @property
    def database_url(self) -> str:
        """The product's, whose shifts are those of every engine."""
        return self.state["databaseUrl"] or ""

    @property
    def kafka(self) -> str:
        return self.state["kafkaBootstrapServers"] or ""


@asynccontextmanager
async def arena(names: Sequence[str], *, signed_in: bool) -> AsyncIterator[Arena]:
    home = Home(Path(tempfile.mkdtemp(prefix="priyom-bench-")))
    async with AsyncExitStack() as things:
        ports = Ports()
        things.callback(ports.release)
        issuer = await things.enter_async_context(issuing(ports)) if signed_in else None
        settings = NO_QUIET_HOURS | NOBODY_IS_LIMITED | (issuer.settings if issuer else {})
        with Steps() as steps:
            with steps.step("starting the product's stack"):
                state = await things.enter_async_context(whole_stack(home.root, settings))
            for name in TELLERS:
                await tell_supervisor(home, "stop", name)
            with steps.step(f"seeding {DOCTORS} doctors, {DAYS} days"):
                await _seed(state, names)
            place = Place(state=state, folder=home.root, ports=ports)
            chosen = [await _started(name, place, things, steps) for name in names]
        things.enter_context(paused([*chosen, engines.product(state)]))
        yield Arena(
            home=home,
            state=state,
            engines=chosen,
            counters=await open_counters(state, things),
            consumer=await open_topic(state, things),
            token_of=issuer.token_of if issuer else None,
        )


@contextmanager
def alone(engine: Engine) -> Iterator[None]:
    """This engine goes on while all others stay paused."""
    engine.resume()
    try:
        yield
    finally:
        engine.pause()


@contextmanager
def paused(chosen: Sequence[Engine]) -> Iterator[None]:
    """All of them; what is paused could not be told to end."""
    try:
        for engine in chosen:
            engine.pause()
        yield
    finally:
        for engine in chosen:
            engine.resume()


async def _seed(state: RunState, names: Sequence[str]) -> None:
    environment = {**os.environ, "DATABASE_URL": state["databaseUrl"] or ""}
    await asyncio.to_thread(engines.fill, environment, doctors=DOCTORS, days=DAYS)
    if set(names) - {PRODUCT}:
        await engines.make_template(state, doctors=DOCTORS, days=DAYS)


async def _started(name: str, place: Place, things: AsyncExitStack, steps: Steps) -> Engine:
    if name == PRODUCT:
        return engines.product(place.state)
    with steps.step(f"starting {name}"):
        return await things.enter_async_context(PEERS[name](place))


async def open_counters(state: RunState, things: AsyncExitStack) -> Counters:
    """Over a connection to a database that nobody measures."""
    url = engines.database_url(state["databaseUrl"] or "", "postgres")
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
    await things.enter_async_context(connection)
    shared = {name: pid for name, pid in state["pids"].items() if name in SHARED and pid}
    return Counters(connection, shared)


async def open_topic(state: RunState, things: AsyncExitStack) -> AIOKafkaConsumer:
    consumer = await topic.open_topic(state["kafkaBootstrapServers"] or "")
    things.push_async_callback(consumer.stop)
    return consumer
