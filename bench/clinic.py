"""What the benchmarks of messages share: bookings at a rate, the mailbox, the supervisor."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from bench.http import Connection
from bench.speed import RunState, Wish
from stack.control import Request, ask
from stack.home import Home

USERS = 16
"""Connections to the API: more than are busy at the rates of these benchmarks."""


@dataclass(frozen=True)
class Confirmed:
    """One confirmed visit: when its 200 came, by the wall clock, and how long that took."""

    appointment_id: str
    at: float
    took: float


@dataclass
class Bookings:
    """What became of so many wishes."""

    confirmed: list[Confirmed] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)


class Clinic:
    """A running stack, seen from outside."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._free: asyncio.Queue[Connection] = asyncio.Queue()
        for _ in range(USERS):
            self._free.put_nowait(Connection(self.state["api"]))

    @property
    def state(self) -> RunState:
        """As it is now: the pid of a process that died is another one."""
        state: RunState = json.loads((self.home / "run.json").read_text())
        return state

    async def tell_supervisor(self, command: str, name: str) -> None:
        """`stop` or `start` one part; returns when it is so."""
        request = Request(command=command, name=name)
        answer = await asyncio.to_thread(ask, Home(self.home.absolute()).control_socket, request)
        if "error" in answer:
            raise RuntimeError(answer["error"])

    async def mailbox(self, method: str, path: str, body: object | None = None) -> Any:
        connection = Connection(self._mailbox())
        answer = await connection.request(method, path, body)
        await connection.close()
        return answer.body

    async def rows(self, query: str, *values: object) -> list[TupleRow]:
        async with await psycopg.AsyncConnection.connect(self.state["databaseUrl"]) as connection:
            return await (await connection.execute(query, values)).fetchall()

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
        patient, doctor, instant = wish
        body = {"patientId": patient, "doctorId": doctor, "dateTime": instant}
        async with self._connection() as connection:
            held = await connection.request("POST", "/api/v1/appointments", body)
            if held.status != 201:
                _count(done, f"hold {held.status} {(held.body or {}).get('code')}")
                return
            own = f"/api/v1/appointments/{held.body['appointmentId']}"
            if leaves:
                await connection.request("POST", f"{own}/cancel", {})
                done.given_up.append(held.body["appointmentId"])
                return
            begun = time.perf_counter()
            answer = await connection.request("POST", f"{own}/confirm")
            took = time.perf_counter() - begun
        if answer.status != 200:
            _count(done, f"confirm {answer.status} {(answer.body or {}).get('code')}")
            return
        done.confirmed.append(Confirmed(held.body["appointmentId"], time.time(), took))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        connection = await self._free.get()
        try:
            yield connection
        finally:
            self._free.put_nowait(connection)

    def _mailbox(self) -> str:
        found: str = json.loads((self.home / "run.json").read_text())["mailbox"]
        return found


def _count(done: Bookings, what: str) -> None:
    done.refused[what] = done.refused.get(what, 0) + 1
