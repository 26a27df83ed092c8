"""Single servers on free ports for tests, and a whole stack in a home of its own."""

import asyncio
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

from stack import run_state
from stack.accounts import Account, reachable_by_others, unprivileged_account
from stack.errors import StepFailedError
from stack.home import CHECKOUT
from stack.ports import Ports
from stack.program import GIVES_WAY_FOR, Program, end, launch, until_ready
from stack.servers import kafka, postgres, temporal, valkey

SIGNED_OFF = {"PRIYOM_SIGN_IN": "off"}
"""Most tests are not about who calls."""

START_WITHIN = 200.0
"""Seconds, fewer than a test has: several start their servers at once, on few cores."""


@asynccontextmanager
async def embedded_postgres(folder: Path) -> AsyncIterator[str]:
    """The URL of a PostgreSQL with an empty database and no durability."""
    account, password = unprivileged_account(), secrets.token_hex(8)
    with _ports() as ports, temporary_folder(account, folder) as place:
        port = ports.take()
        data = await asyncio.to_thread(postgres.initialise, place, password, account, durable=False)
        program = postgres.program(data, port, password, durable=False)
        async with running(program, folder):
            yield postgres.address(port, password)


@asynccontextmanager
async def embedded_valkey(folder: Path) -> AsyncIterator[str]:
    """The URL of a Valkey."""
    with _ports() as ports:
        port, password = ports.take(), secrets.token_hex(8)
        async with running(valkey.program(folder / "valkey", port, password), folder):
            yield valkey.address(port, password)


@asynccontextmanager
async def embedded_kafka(folder: Path) -> AsyncIterator[str]:
    """The bootstrap servers of a Kafka."""
    with _ports() as ports:
        port, controller = ports.take(), ports.take()
        properties = await asyncio.to_thread(kafka.initialise, folder / "kafka", port, controller)
        async with running(kafka.program(properties, port), folder):
            yield kafka.address(port)


@asynccontextmanager
async def embedded_temporal(folder: Path, *, time_skipping: bool = False) -> AsyncIterator[str]:
    """The address of an in-memory Temporal with our search attributes, namespace `default`."""
    with _ports() as ports:
        taken = temporal.TemporalPorts.take(ports)
        program = temporal.program(None, taken, time_skipping=time_skipping)
        async with running(program, folder):
            yield temporal.address(taken.grpc)


@asynccontextmanager
async def running(program: Program, logs: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the program until the block ends. Enters when it is ready; its log is in that folder."""
    process = await launch(program, logs / f"{program.name}.log")
    try:
        await until_ready(unhurried(program), process)
        yield process
    finally:
        await end(program, process)


def unhurried(program: Program) -> Program:
    """Killed as it starts slowly, it would begin anew and be slower still."""
    given = GIVES_WAY_FOR if program.niceness else 1
    return replace(program, ready_within=START_WITHIN / given)


@asynccontextmanager
async def whole_stack(
    home: Path, env: Mapping[str, str] | None = None, only: str = "", extra: str = ""
) -> AsyncIterator[run_state.RunState]:
    """The stack of `make up` in that home; nobody signs in unless `env` says so.

    It is stopped and deleted when the block ends.
    """
    environment = {**os.environ, **SIGNED_OFF, **(env or {}), "PRIYOM_HOME": str(home)}
    try:
        extras = ",".join(filter(None, (extra, os.environ.get("STACK_WITH"))))
        await _stack(environment, "up", f"--only={only}", f"--with={extras}")
        state = run_state.read(home / "run.json")
        if state is None:
            raise FileNotFoundError(home / "run.json")
        yield state
    finally:
        await _stack(environment, "reset")


async def _stack(environment: Mapping[str, str], *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stack", *arguments),
        cwd=CHECKOUT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise StepFailedError(f"stack {' '.join(arguments)} failed:\n{output.decode()}")


@contextmanager
def _ports() -> Iterator[Ports]:
    ports = Ports()
    try:
        yield ports
    finally:
        ports.release()


@contextmanager
def temporary_folder(account: Account | None, folder: Path) -> Iterator[Path]:
    """The folder itself, or a temporary one if the account cannot reach it."""
    if account is None or reachable_by_others(folder):
        yield folder
        return
    place = Path(tempfile.mkdtemp(prefix="priyom-test-", dir="/var/tmp"))
    try:
        place.chmod(0o755)
        yield place
    finally:
        shutil.rmtree(place)
