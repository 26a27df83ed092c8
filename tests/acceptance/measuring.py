"""What the long tests measure with: bookings at a steady rate, and the processor's time of all."""

import asyncio
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil

from bench.clinic import Clinic
from bench.free_slots import Wish
from bench.http import Connection
from bench.messages import NO_QUIET_HOURS
from stack.embedded import running, whole_stack
from stack.ports import LOOPBACK, Ports
from stack.probes import http_answers
from stack.program import Program

CONNECTIONS = 32
MANY_HOLDS = {"PRIYOM_MAX_HOLDS_PER_PATIENT": "100"}
"""The wishes are those of few patients."""

IDLE_SECONDS = 10.0
TOLD_WITHIN = 120.0
TOLD = """
SELECT count(*) FROM notifications
WHERE status NOT IN ('sending', 'reserved') AND appointment_id::text = ANY(%s)
"""


@asynccontextmanager
async def measured_stack(home: Path) -> AsyncIterator[Clinic]:
    """A stack that nobody else uses."""
    async with whole_stack(home, NO_QUIET_HOURS | MANY_HOLDS):
        clinic = Clinic(home)
        yield clinic
        await clinic.close()


@dataclass(frozen=True, kw_only=True)
class Side:
    """One API process beside those that it is compared with."""

    name: str
    url: str
    pid: int


@asynccontextmanager
async def api_beside(
    clinic: Clinic, name: str, ports: Ports, *, module: str = "api", **environment: str
) -> AsyncIterator[Side]:
    """Of the same stack, with other settings than the stack's own."""
    port = ports.take()
    of_the_stack = psutil.Process(clinic.state["pids"]["api"] or 0).environ()
    program = Program(
        name=f"api-{port}",
        argv=[sys.executable, "-m", module],
        env={
            **of_the_stack,
            **environment,
            "PRIYOM_API_PORT": str(port),
            "PRIYOM_API_PROCESSES": "1",
        },
        ready=partial(http_answers, f"http://{LOOPBACK}:{port}/readyz"),
        port=port,
        grace=20,
    )
    async with running(program, clinic.home.root / "logs") as process:
        yield Side(name=name, url=f"http://{LOOPBACK}:{port}", pid=process.pid)


@dataclass(kw_only=True)
class Paced:
    """Bookings that begin so many a second, whatever becomes of those before."""

    took_ms: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def p50(self) -> float:
        return statistics.median(self.took_ms)

    def __str__(self) -> str:
        p95 = statistics.quantiles(self.took_ms, n=20)[-1]
        rate = len(self.took_ms) / self.seconds
        return (
            f"{len(self.took_ms)} bookings, {rate:.1f}/s, p50 {self.p50:.0f} ms, p95 {p95:.0f} ms,"
            f" refused {dict(self.refused)}"
        )


async def book_at(
    clinic: Clinic, wishes: list[Wish], *, rate: float, is_over: Callable[[float], bool]
) -> Paced:
    """Hold and confirm, until it is over. A booking takes from its hold to its confirmation."""
    done, begun = Paced(), time.perf_counter()
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(Connection(clinic.api))

    async def book(wish: Wish) -> None:
        connection, asked = await free.get(), time.perf_counter()
        answer = await connection.hold(wish)
        if answer.status == 201:
            answer = await connection.tell(answer.body["appointmentId"], "confirm")
        free.put_nowait(connection)
        if answer.status == 200:
            done.took_ms.append((time.perf_counter() - asked) * 1000)
        else:
            done.refused[f"{answer.status} {answer.body['code']}"] += 1

    async with asyncio.TaskGroup() as group:
        number = 0
        while not is_over(time.perf_counter() - begun):
            group.create_task(book(wishes.pop()))
            number += 1
            await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
    done.seconds = time.perf_counter() - begun
    while not free.empty():
        await free.get_nowait().close()
    return done


async def everybody_is_told(clinic: Clinic, visits: list[str], *, messages: int) -> None:
    """So many messages in all, of each kind. Asking costs as well, so it is seldom."""
    async with asyncio.timeout(TOLD_WITHIN):
        while (await clinic.rows(TOLD, visits))[0][0] < messages:  # noqa: ASYNC110 - of other processes
            await asyncio.sleep(1.0)


@dataclass(kw_only=True)
class Turn:
    """What a turn used."""

    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)
    """Seconds by process; the client's own are left out."""

    def cpu_ms(self, count: int, *, idle: "Turn") -> dict[str, float]:
        """Of each of so many; what the stack uses while nobody asks is taken off."""
        rest = {name: idle.cpu[name] / idle.seconds * self.seconds for name in self.cpu}
        return {name: (used - rest[name]) * 1000 / count for name, used in self.cpu.items()}


@asynccontextmanager
async def counted(clinic: Clinic) -> AsyncIterator[Turn]:
    """The processors' time of all the stack's processes while the block runs."""
    turn, before, begun = Turn(), clinic.cpu(), time.perf_counter()
    yield turn
    turn.seconds, after = time.perf_counter() - begun, clinic.cpu()
    turn.cpu = {name: after[name] - before[name] for name in before if name != "client"}


async def at_rest(clinic: Clinic) -> Turn:
    """What all of it uses while nobody asks."""
    async with counted(clinic) as turn:
        await asyncio.sleep(IDLE_SECONDS)
    return turn
