"""What is measured: the product's stack, and peers beside it on the same servers."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg

from bench import processes, restate_server
from bench.environment import PYTHON
from stack import run_state
from stack.embedded import running
from stack.errors import NotReadyError
from stack.home import CHECKOUT
from stack.ports import LOOPBACK, Ports
from stack.probes import http_answers
from stack.program import Program
from stack.progress import run_quietly, tail

DBOS_PROCESSES = 2
"""It is all Python: one process could use one core only, while the others have several."""

SERVERS = {
    *("DATABASE_URL", "REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS", "SMTP_URL", "SMS_GATEWAY_URL"),
}

TEMPLATE, SYSTEM = "bench_template", "bench_dbos_system"


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One engine that runs: where it answers, where its rows are, and its own processes.

    One that answers at several places is called at each by its share of the users; processes of
    one kind have one name.
    """

    name: str
    urls: tuple[str, ...]
    database_url: str
    databases: tuple[str, ...]
    pids: tuple[tuple[str, int], ...]

    def pause(self) -> None:
        """Its processes stop where they are."""
        processes.pause(pid for _, pid in self.pids)

    def resume(self) -> None:
        processes.resume(pid for _, pid in self.pids)


@dataclass(frozen=True, kw_only=True)
class Place:
    """The servers that all share, and what a peer is started with."""

    state: run_state.RunState
    folder: Path
    ports: Ports

    def environment(self, database_url: str) -> dict[str, str]:
        return {
            "DATABASE_URL": database_url,
            "REDIS_URL": self.state["redisUrl"] or "",
            "KAFKA_BOOTSTRAP_SERVERS": self.state["kafkaBootstrapServers"] or "",
        }


def forget_servers() -> None:
    """Those that the environment names are nobody's to measure, nor are its settings."""
    for name in list(os.environ):
        if name in SERVERS or name.startswith(("TEMPORAL_", "PRIYOM_")):
            del os.environ[name]


def product(state: run_state.RunState) -> Engine:
    own = ("api", "worker", "temporal")
    return Engine(
        name="product",
        urls=(state["api"] or "",),
        database_url=state["databaseUrl"] or "",
        databases=(database_name(state["databaseUrl"] or ""),),
        pids=tuple((name, pid) for name, pid in state["pids"].items() if name in own and pid),
    )


async def make_template(state: run_state.RunState, *, doctors: int, days: int) -> None:
    """A database as the product's own: our migrations, our seed, no visits."""
    url = state["databaseUrl"] or ""
    await _create(url, TEMPLATE, "template0")
    environment = {**os.environ, "DATABASE_URL": database_url(url, TEMPLATE)}
    run_quietly([sys.executable, "-m", "alembic", "upgrade", "head"], CHECKOUT, environment)
    fill(environment, doctors=doctors, days=days)


def fill(environment: dict[str, str], *, doctors: int, days: int) -> None:
    amounts = (f"--doctors={doctors}", f"--days={days}")
    run_quietly([sys.executable, "-m", "stack", "seed", *amounts], CHECKOUT, environment)


@asynccontextmanager
async def plain(place: Place) -> AsyncIterator[Engine]:
    url = await _own_database(place, "plain")
    front = _python(place, "plain", database=url, python=sys.executable)
    async with _logged(front, place.folder) as pid:
        yield _engine("plain", [front], url, [("api", pid)])


@asynccontextmanager
async def restate(place: Place) -> AsyncIterator[Engine]:
    url = await _own_database(place, "restate")
    server, ingress, admin = restate_server.program(place.folder / "restate", place.ports)
    service = _python(place, "restate_workflow", database=url)
    front = _python(place, "restate_front", ingress, database=url)
    async with (
        _logged(server, place.folder) as server_pid,
        _logged(service, place.folder) as service_pid,
        _logged(front, place.folder) as front_pid,
    ):
        await _register(admin, f"http://{LOOPBACK}:{service.port}")
        pids = [("restate-server", server_pid), ("service", service_pid), ("api", front_pid)]
        yield _engine("restate", [front], url, pids)


@asynccontextmanager
async def dbos(place: Place) -> AsyncIterator[Engine]:
    url = await _own_database(place, "dbos")
    await _create(url, SYSTEM, "template0")
    fronts = [
        _python(place, "dbos", database_url(url, SYSTEM), f"bench-{number}", database=url)
        for number in range(DBOS_PROCESSES)
    ]
    async with AsyncExitStack() as running_ones:
        pids = [  # one after another: the first makes the tables for all
            ("api", await running_ones.enter_async_context(_logged(front, place.folder)))
            for front in fronts
        ]
        engine = _engine("dbos", fronts, url, pids)
        yield replace(engine, databases=(*engine.databases, SYSTEM))


PEERS: dict[str, Callable[[Place], AbstractAsyncContextManager[Engine]]] = {
    "plain": plain,
    "restate": restate,
    "dbos": dbos,
}


@asynccontextmanager
async def _logged(program: Program, logs: Path) -> AsyncIterator[int]:
    """Its pid while it runs; NotReadyError has the last lines of its log."""
    try:
        async with running(program, logs) as process:
            yield process.pid
    except NotReadyError as error:
        lines = tail((logs / f"{program.name}.log").read_text(errors="replace"))
        raise NotReadyError(f"{error}\n{lines}") from None


def database_url(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def database_name(url: str) -> str:
    return urlsplit(url).path.strip("/")


def _engine(
    name: str, fronts: Sequence[Program], url: str, pids: Sequence[tuple[str, int]]
) -> Engine:
    return Engine(
        name=name,
        urls=tuple(f"http://{LOOPBACK}:{front.port}" for front in fronts),
        database_url=url,
        databases=(database_name(url),),
        pids=tuple(pids),
    )


def _python(
    place: Place, module: str, *arguments: str, database: str, python: str | Path = PYTHON
) -> Program:
    """One process of a peer: told its port first, ready when it answers /health."""
    port = place.ports.take()
    return Program(
        name=module,
        argv=[str(python), "-m", f"bench.peers.{module}", str(port), *arguments],
        env=place.environment(database),
        ready=partial(http_answers, f"http://{LOOPBACK}:{port}/health"),
        port=port,
        stop_signal=signal.SIGKILL,  # ends one that is paused, too; nothing of it is kept
    )


async def _own_database(place: Place, peer: str) -> str:
    url, name = place.state["databaseUrl"] or "", f"bench_{peer.replace('-', '_')}"
    await _create(url, name, TEMPLATE)
    return database_url(url, name)


async def _create(url: str, name: str, template: str) -> None:
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
    async with connection:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())


async def _register(admin: str, service: str) -> None:
    async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
        answer = await client.post(f"{admin}/deployments", json={"uri": service})
        answer.raise_for_status()
