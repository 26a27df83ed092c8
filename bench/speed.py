"""How fast the running stack books: `python -m bench.speed` (after `make up`).

Closed loop, loopback only, bounded in time: each user holds a free slot, confirms it and goes on
with the next. Prints rates and latencies for each number of users, and those of two bare database
transactions on the same PostgreSQL in the same run, since an absolute figure means little on a
shared machine. Checks the answers against the rows: a wrong row voids the run.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict
from uuid import uuid4

import psycopg

from bench.http import Connection
from bench.processes import cpu_seconds, memory, own_cpu_seconds


class RunState(TypedDict):
    """The part of run.json that is read here."""

    api: str
    databaseUrl: str
    temporalAddress: str
    pids: dict[str, int | None]
    patients: list[dict[str, str]]


Wish = tuple[str, str, str]
"""Patient, doctor, instant."""


@dataclass
class Round:
    """What one number of users got."""

    users: int
    seconds: float = 0.0
    held_ms: list[float] = field(default_factory=list)
    confirmed_ms: list[float] = field(default_factory=list)
    confirmed: list[str] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    cpu_ms: dict[str, float] = field(default_factory=dict)

    def line(self, name: str) -> str:
        held, confirmed = quantiles(self.held_ms), quantiles(self.confirmed_ms)
        return (
            f"{name:<22} {self.users:>3} users  {len(self.confirmed) / self.seconds:6.1f}/s  "
            f"held p50 {held[0]:6.1f} p95 {held[1]:6.1f} ms  "
            f"confirmed p50 {confirmed[0]:6.1f} p95 {confirmed[1]:6.1f} ms  "
            f"{sum(self.refused.values())} refused"
        )


def quantiles(values: list[float]) -> tuple[float, float]:
    ordered = sorted(values) or [0.0]
    return statistics.median(ordered), ordered[int(len(ordered) * 0.95)]


async def wishes(connection: Connection, state: RunState, *, want: int) -> list[Wish]:
    """Free slots with a patient each; no patient is asked to be in two places at once."""
    doctors = await all_doctors(connection)
    free: dict[str, list[str]] = {}
    for day in range(1, 14):
        date = time.strftime("%Y-%m-%d", time.gmtime(time.time() + day * 86_400))
        for doctor in doctors:
            path = f"/api/v1/doctors/{doctor['doctorId']}/schedule?date={date}"
            for slot in (await connection.request("GET", path)).body["slots"]:
                if slot["state"] == "free":
                    free.setdefault(slot["dateTime"], []).append(doctor["doctorId"])
        if sum(len(doctors) for doctors in free.values()) >= want * 2:
            break
    patients = [patient["id"] for patient in state["patients"]]
    found = []
    for instant, ids in free.items():
        chosen = random.sample(patients, min(len(ids), len(patients)))
        found += [(patient, doctor, instant) for patient, doctor in zip(chosen, ids, strict=False)]
    random.shuffle(found)
    return found


async def all_doctors(connection: Connection) -> list[dict[str, str]]:
    doctors: list[dict[str, str]] = []
    path = "/api/v1/doctors?limit=100"
    while True:
        page = (await connection.request("GET", path)).body
        doctors += page["items"]
        if page["next"] is None:
            return doctors
        path = f"/api/v1/doctors?limit=100&cursor={page['next']}"


async def book(connection: Connection, wish: Wish, result: Round) -> None:
    patient, doctor, instant = wish
    body = {"patientId": patient, "doctorId": doctor, "dateTime": instant}
    started = time.perf_counter()
    held = await connection.request("POST", "/api/v1/appointments", body)
    if held.status != 201:
        code = f"{held.status} {(held.body or {}).get('code')}"
        result.refused[code] = result.refused.get(code, 0) + 1
        return
    result.held_ms.append((time.perf_counter() - started) * 1000)
    appointment = held.body["appointmentId"]
    started = time.perf_counter()
    confirmed = await connection.request("POST", f"/api/v1/appointments/{appointment}/confirm")
    if confirmed.status != 200:
        code = f"confirm {confirmed.status} {(confirmed.body or {}).get('code')}"
        result.refused[code] = result.refused.get(code, 0) + 1
        return
    result.confirmed_ms.append((time.perf_counter() - started) * 1000)
    result.confirmed.append(appointment)


async def product(state: RunState, todo: list[Wish], *, users: int, seconds: float) -> Round:
    result = Round(users=users)
    before = cpu(state)

    async def user() -> None:
        connection = Connection(state["api"])
        while time.perf_counter() < ends and todo:
            await book(connection, todo.pop(), result)
        await connection.close()

    begun = time.perf_counter()
    ends = begun + seconds
    await asyncio.gather(*(user() for _ in range(users)))
    result.seconds = time.perf_counter() - begun
    after = cpu(state)
    result.cpu_ms = {
        name: (after[name] - before[name]) * 1000 / max(1, len(result.confirmed)) for name in after
    }
    return result


async def bare(state: RunState, *, users: int, seconds: float) -> Round:
    """Two transactions a booking in a scratch table: what the machine could do without a saga."""
    result = Round(users=users)
    connections = [
        await psycopg.AsyncConnection.connect(state["databaseUrl"], autocommit=True)
        for _ in range(users)
    ]
    await connections[0].execute(
        "CREATE UNLOGGED TABLE IF NOT EXISTS bench_slots (id uuid PRIMARY KEY, status text)"
    )
    await connections[0].execute("ALTER TABLE bench_slots SET LOGGED")
    begun = time.perf_counter()

    async def user(connection: psycopg.AsyncConnection[Any]) -> None:
        while time.perf_counter() < begun + seconds:
            id = uuid4()  # noqa: A001 - the column's name
            started = time.perf_counter()
            await connection.execute("INSERT INTO bench_slots VALUES (%s, 'held')", [id])
            result.held_ms.append((time.perf_counter() - started) * 1000)
            started = time.perf_counter()
            await connection.execute(
                "UPDATE bench_slots SET status = 'confirmed' WHERE id = %s", [id]
            )
            result.confirmed_ms.append((time.perf_counter() - started) * 1000)
            result.confirmed.append(str(id))

    await asyncio.gather(*(user(connection) for connection in connections))
    result.seconds = time.perf_counter() - begun
    await connections[0].execute("DROP TABLE bench_slots")
    for connection in connections:
        await connection.close()
    return result


def cpu(state: RunState) -> dict[str, float]:
    """Seconds of CPU by process, children included, and this client's own."""
    used = {name: cpu_seconds(pid) for name, pid in state["pids"].items() if pid}
    used["client"] = own_cpu_seconds()
    return used


def resident(state: RunState) -> dict[str, float]:
    """Proportional set size by process, MiB: shared pages are counted once."""
    sizes = {}
    for name, pid in state["pids"].items():
        if pid:
            sizes[name] = memory(pid) / 2**20
    return sizes


async def check(state: RunState, rounds: list[Round]) -> None:
    """Every confirmed answer has its confirmed row, and no two rows overlap."""
    ids = [appointment for each in rounds for appointment in each.confirmed]
    connection = await psycopg.AsyncConnection.connect(state["databaseUrl"])
    rows = await connection.execute(
        "SELECT count(*) FROM schedules WHERE id = ANY(%s) AND status = 'confirmed'", [ids]
    )
    found = await rows.fetchone()
    await connection.close()
    if found is None or found[0] != len(ids):
        sys.exit(f"void: {len(ids)} confirmed answers, {found and found[0]} confirmed rows")


async def run(state: RunState, *, users: list[int], seconds: float) -> None:
    connection = Connection(state["api"])
    todo = await wishes(connection, state, want=int(len(users) * seconds * 60))
    await connection.close()
    rounds = []
    for count in users:
        rounds.append(await product(state, todo, users=count, seconds=seconds))
        print(rounds[-1].line("product"))
        used = sorted(rounds[-1].cpu_ms.items(), key=lambda item: -item[1])
        print("   CPU-ms a booking:", ", ".join(f"{name} {ms:.0f}" for name, ms in used if ms >= 1))
        if rounds[-1].refused:
            print("   refused:", rounds[-1].refused)
        print((await bare(state, users=count, seconds=min(seconds, 3))).line("bare transactions"))
    await check(state, rounds)
    sizes = resident(state)
    print(f"resident {sum(sizes.values()):.0f} MiB:", {n: round(s) for n, s in sizes.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--home", default=os.environ.get("PRIYOM_HOME", ".priyom"))
    options = parser.parse_args()
    state: RunState = json.loads((Path(options.home) / "run.json").read_text())
    asyncio.run(run(state, users=options.users, seconds=options.seconds))


if __name__ == "__main__":
    main()
