"""A stack that runs already, seen from outside: what the benchmarks after `make up` share."""

import asyncio
import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from bench.free_slots import Wish, read_wishes
from bench.http import Connection
from bench.processes import cpu_seconds, memory, own_cpu_seconds
from stack import run_state
from stack.errors import StackError
from stack.home import Home

USERS = 16
"""Connections to the API: more than are busy at the rates of these benchmarks."""


@dataclass(frozen=True)
class Confirmed:
    """One confirmed visit: when its 200 came, by the wall clock."""

    appointment_id: str
    at: float


@dataclass
class Bookings:
    """What became of so many wishes."""

    confirmed: list[Confirmed] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)


class Clinic:
    """A running stack, seen from outside."""

    def __init__(self, home: Path) -> None:
        self.home = Home(home.absolute())
        self._free: asyncio.Queue[Connection] = asyncio.Queue()
        for _ in range(USERS):
            self._free.put_nowait(Connection(self.api))

    @property
    def state(self) -> run_state.RunState:
        """As it is now: the pid of a process that died is another one."""
        state = run_state.read(self.home.run_file)
        if state is None:
            raise StackError("Priyom is not running: `make up` first")
        return state

    @property
    def api(self) -> str:
        return self.state["api"] or ""

    @property
    def database_url(self) -> str:
        return self.state["databaseUrl"] or ""

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU by process, children included, and this client's own."""
        used = {name: cpu_seconds(pid) for name, pid in self.state["pids"].items() if pid}
        return {**used, "client": own_cpu_seconds()}

    def memory_mib(self, name: str) -> float:
        """Proportional set size of one process: shared pages are counted once."""
        pid = self.state["pids"][name]
        return memory(pid) / 2**20 if pid else 0.0

    async def wishes(self) -> list[Wish]:
        return await read_wishes(self.database_url)

    async def mailbox(self, method: str, path: str, body: object | None = None) -> Any:
        connection = Connection(self.state["mailbox"] or "")
        answer = await connection.request(method, path, body)
        await connection.close()
        return answer.body

    async def rows(self, query: str, *values: object) -> list[TupleRow]:
        async with await psycopg.AsyncConnection.connect(self.database_url) as connection:
            return await (await connection.execute(query.encode(), values)).fetchall()

    async def book(self, wishes: list[Wish], *, rate: float, leave_every: int = 0) -> Bookings:
        """Hold and confirm, so many a second; every `leave_every`th hold is given up instead."""
        done, begun = Bookings(), time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, wish in enumerate(wishes):
                await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
                leaves = leave_every > 0 and number % leave_every == leave_every - 1
                group.create_task(self._book(wish, done, leaves=leaves))
        return done

    async def close(self) -> None:
        while not self._free.empty():
            await self._free.get_nowait().close()

    async def _book(self, wish: Wish, done: Bookings, *, leaves: bool) -> None:
        async with self._connection() as connection:
            answer = await connection.hold(wish)
            if answer.status == 201:
                appointment = answer.body["appointmentId"]
                answer = await connection.tell(appointment, "cancel" if leaves else "confirm")
        if answer.status != 200:
            code = f"{answer.status} {(answer.body or {}).get('code')}"
            done.refused[code] = done.refused.get(code, 0) + 1
        elif leaves:
            done.given_up.append(appointment)
        else:
            done.confirmed.append(Confirmed(appointment, time.time()))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        connection = await self._free.get()
        try:
            yield connection
        finally:
            self._free.put_nowait(connection)


def options_of(description: str | None, **defaults: float) -> Namespace:
    """The home of the stack, and a number for each of the defaults."""
    parser = ArgumentParser(description=description)
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    home = Path(os.environ.get("PRIYOM_HOME") or ".priyom")
    parser.add_argument("--home", type=Path, default=home)
    return parser.parse_args()
