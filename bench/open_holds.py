"""Many holds open at once: opened over HTTP, agreed to while their runs are cached or evicted,
and lapsing."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow
from temporalio.client import Client

from bench.http import Connection
from bench.processes import memory
from bench.speed import Wish
from bench.stand import Stand
from workflows.names import booking_workflow_id

USERS = 16
PAUSE = 0.5
"""Between two bookings of the one who books while others' holds lapse."""

SAMPLED_EVERY = 5.0
OPEN = """
SELECT count(*) FILTER (WHERE held_until > clock_timestamp()),
    count(*) FILTER (WHERE held_until <= clock_timestamp()),
    coalesce(extract(epoch FROM clock_timestamp() - min(held_until)), 0)::float8
FROM schedules WHERE status = 'held'
"""
LATENESS = """
SELECT extract(epoch FROM updated_at - held_until)::float8 FROM schedules
WHERE status = 'expired' AND id = ANY(%s::uuid[])
"""
LAPSED_ROWS = """
SELECT id::text, extract(epoch FROM held_until)::float8 FROM schedules
WHERE status = 'expired' AND id = ANY(%s::uuid[]) ORDER BY held_until
"""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The state of things at one instant, seconds since the first hold was opened."""

    at: float
    held: int
    overdue: int
    oldest_overdue_seconds: float
    memory_mib: dict[str, float]


@dataclass(kw_only=True)
class Held:
    """The holds that were opened, oldest first, and what others got meanwhile."""

    begun: float = field(default_factory=time.perf_counter)
    ids: list[str] = field(default_factory=list)
    held_ms: list[float] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self.begun


async def open_holds(stand: Stand, held: Held, todo: list[Wish], *, up_to: int, by: float) -> None:
    """Until so many are open, or so many seconds have passed since the first."""

    async def user() -> None:
        connection = Connection(stand.api)
        while todo and len(held.ids) < up_to and held.elapsed < by:
            patient, doctor, instant = todo.pop()
            body = {"patientId": patient, "doctorId": doctor, "dateTime": instant}
            started = time.perf_counter()
            answer = await connection.request("POST", "/api/v1/appointments", body)
            if answer.status == 201:
                held.held_ms.append((time.perf_counter() - started) * 1000)
                held.ids.append(answer.body["appointmentId"])
            else:
                _count(held.refused, answer.status, answer.body)
        await connection.close()

    await asyncio.gather(*(user() for _ in range(USERS)))


async def confirm_in_turns(
    stand: Stand, some: Sequence[str], others: Sequence[str], refused: dict[str, int]
) -> tuple[list[float], list[float]]:
    """How long each confirmation took, ms: one of some, one of the others, and so on."""
    connection = Connection(stand.api)
    took: tuple[list[float], list[float]] = ([], [])
    for pair in zip(some, others, strict=True):
        for appointment, into in zip(pair, took, strict=True):
            started = time.perf_counter()
            answer = await connection.request("POST", f"/api/v1/appointments/{appointment}/confirm")
            if answer.status == 200:
                into.append((time.perf_counter() - started) * 1000)
            else:
                _count(refused, answer.status, answer.body)
            await asyncio.sleep(0.05)  # what follows its answer is not the next one's burden
    await connection.close()
    return took


async def extended(stand: Stand, appointment: str) -> None:
    """Twice, which is as often as it may be."""
    connection = Connection(stand.api)
    own = f"/api/v1/appointments/{appointment}"
    for _ in range(2):
        version = (await connection.request("GET", own)).body["version"]
        answer = await connection.request("POST", f"{own}/extend", {"version": version})
        if answer.status != 200:
            raise RuntimeError(f"not extended: {answer.status} {answer.body}")
    await connection.close()


async def watch_them_lapse(
    stand: Stand, held: Held, todo: list[Wish], *, within: float
) -> list[tuple[float, float, float]]:
    """Look every few seconds until none is held; meanwhile somebody books, one visit at a time.

    Of each booking: when, and how many ms its hold and its confirmation took.
    """
    booked: list[tuple[float, float, float]] = []
    over = asyncio.Event()
    visitor = asyncio.create_task(_visit(stand, held, todo, booked, over))
    try:
        async with await psycopg.AsyncConnection.connect(
            stand.database_url, autocommit=True
        ) as connection:
            while held.elapsed < within:
                now = await look(stand, held, connection)
                if now.held < 3 and not now.overdue:
                    break
                await asyncio.sleep(SAMPLED_EVERY)
    finally:
        over.set()
        await visitor
    return booked


async def look(stand: Stand, held: Held, connection: psycopg.AsyncConnection[TupleRow]) -> Seen:
    row = await (await connection.execute(OPEN)).fetchone()
    found = row or (0, 0, 0.0)
    pids = {name: pid for name, pid in stand.state["pids"].items() if pid}
    sizes = {name: round(memory(pid) / 2**20, 1) for name, pid in pids.items()}
    seen = Seen(
        at=round(held.elapsed, 1),
        held=found[0],
        overdue=found[1],
        oldest_overdue_seconds=round(max(0.0, found[2]), 2),
        memory_mib=sizes,
    )
    held.seen.append(seen)
    return seen


async def lateness(database_url: str, ids: Sequence[str]) -> list[float]:
    """Of each hold that has lapsed: how many seconds after its end its row said so."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        rows = await (await connection.execute(LATENESS, [list(ids)])).fetchall()
    return [row[0] for row in rows]


async def lateness_of_runs(stand: Stand, ids: Sequence[str], *, sample: int) -> list[float]:
    """Of some holds that have lapsed, evenly chosen: how many seconds after its end the run ended.

    A run that goes on counts with the time until now.
    """
    async with await psycopg.AsyncConnection.connect(stand.database_url) as connection:
        rows = await (await connection.execute(LAPSED_ROWS, [list(ids)])).fetchall()
    client = await Client.connect(stand.state["temporalAddress"] or "")
    late: list[float] = []
    for appointment, ended in rows[:: max(1, len(rows) // sample)]:
        run = client.get_workflow_handle(booking_workflow_id(UUID(appointment)))
        told = await run.describe()
        closed = told.close_time.timestamp() if told.close_time else time.time()
        late.append(closed - ended)
    return late


async def _visit(
    stand: Stand,
    held: Held,
    todo: list[Wish],
    booked: list[tuple[float, float, float]],
    over: asyncio.Event,
) -> None:
    connection = Connection(stand.api)
    while todo and not over.is_set():
        try:
            took = await _book(connection, todo.pop(), held)
        except (asyncio.IncompleteReadError, OSError) as error:
            held.refused[type(error).__name__] = held.refused.get(type(error).__name__, 0) + 1
            await connection.close()
        else:
            booked += took
        await asyncio.sleep(PAUSE)
    await connection.close()


async def _book(connection: Connection, wish: Wish, held: Held) -> list[tuple[float, float, float]]:
    """When, and how many ms the hold and the confirmation took; nothing if it was refused."""
    patient, doctor, instant = wish
    body = {"patientId": patient, "doctorId": doctor, "dateTime": instant}
    at, started = held.elapsed, time.perf_counter()
    answer = await connection.request("POST", "/api/v1/appointments", body)
    took = (time.perf_counter() - started) * 1000
    if answer.status == 201:
        own = f"/api/v1/appointments/{answer.body['appointmentId']}"
        started = time.perf_counter()
        answer = await connection.request("POST", f"{own}/confirm")
    if answer.status == 200:
        return [(round(at, 1), took, (time.perf_counter() - started) * 1000)]
    _count(held.refused, answer.status, answer.body)
    return []


def _count(refused: dict[str, int], status: int, body: dict[str, str] | None) -> None:
    code = f"{status} {(body or {}).get('code')}"
    refused[code] = refused.get(code, 0) + 1
