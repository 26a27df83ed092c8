"""What reading a doctor's day costs the API: `python -m bench.reads` (after `make up`).

Closed loop, loopback only, bounded in time. The measure is processor time of the api process a
read, and how many reads one second of it serves; PostgreSQL's and Valkey's are told apart, the
client's as well. Several api processes on the same servers (`--api` more than once) are measured
in turns, since a machine that is shared is no machine twice.

Each read must be validated: readers whose days change before every read void the run if one of
them sees the version that it has seen before.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import uvloop

from bench.http import Connection
from bench.readers import Told, read, request
from bench.speed import RunState, all_doctors, cpu

WARM_SECONDS = 0.5
DAYS_AHEAD = 10
WAITING = 1000
"""Readers who wait for one day that has just changed."""

TOUCH = "UPDATE shifts SET during = during WHERE doctor_id = %s"
"""Changes every day of the doctor as far as a cache can know: each shift takes a new revision."""


@dataclass(frozen=True, kw_only=True)
class Api:
    """One api process, by its address; `pid` is the process that listens there."""

    url: str
    pid: int

    def cpu(self) -> float:
        """Seconds."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)


@dataclass
class Cost:
    """What one kind of read has cost in all rounds; seconds of processor time by process."""

    told: list[Told] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)

    def add(self, told: Told, cpu: dict[str, float]) -> None:
        self.told.append(told)
        for name, seconds in cpu.items():
            self.cpu[name] = self.cpu.get(name, 0.0) + seconds

    def line(self) -> str:
        reads = sum(told.reads for told in self.told)
        took = sorted(ms for told in self.told for ms in told.took_ms)
        each = {name: seconds * 1000 / reads for name, seconds in self.cpu.items()}
        statuses = {status for told in self.told for status in told.by_status}
        return (
            f"api {each['api']:6.3f} CPU-ms a read, {1000 / each['api']:6.0f} reads a CPU-s | "
            f"postgres {each['postgres']:5.3f}, valkey {each['valkey']:5.3f}, "
            f"client {each['client']:5.3f} | {reads / sum(t.seconds for t in self.told):6.0f}/s "
            f"p50 {statistics.median(took):6.2f} p99 {took[int(len(took) * 0.99)]:6.2f} ms | "
            f"{sum(told.hits for told in self.told) / reads:4.0%} hits, "
            f"{'/'.join(map(str, sorted(statuses)))}"
        )


Costs = dict[tuple[str, str], Cost]
"""By what was read and by the api's address."""


class Meter:
    """Measures the processes around one stretch of reading."""

    def __init__(self, state: RunState, costs: Costs) -> None:
        self._state = state
        self._costs = costs

    async def measure(self, what: str, api: Api, reading: Callable[[], Awaitable[Told]]) -> None:
        before = self._now(api)
        told = await reading()
        after = self._now(api)
        used = {name: after[name] - before[name] for name in after}
        self._costs.setdefault((what, api.url), Cost()).add(told, used)

    def _now(self, api: Api) -> dict[str, float]:
        all_of_them = cpu(self._state)
        named = {name: all_of_them.get(name, 0.0) for name in ("postgres", "valkey", "client")}
        return {**named, "api": api.cpu()}


def listening(url: str) -> Api:
    port = urlsplit(url).port
    for each in psutil.process_iter():
        with suppress(psutil.Error):
            for socket in each.net_connections("tcp"):
                if socket.status == psutil.CONN_LISTEN and socket.laddr.port == port:
                    return Api(url=url, pid=each.pid)
    sys.exit(f"nobody listens at {url}")


async def days_of(api: str) -> list[str]:
    """Paths of days that have slots, one a doctor."""
    connection = Connection(api)
    paths = []
    for doctor in await all_doctors(connection):
        for day in range(1, DAYS_AHEAD):
            date = time.strftime("%Y-%m-%d", time.gmtime(time.time() + day * 86_400))
            path = f"/api/v1/doctors/{doctor['doctorId']}/schedule?date={date}"
            if (await connection.request("GET", path)).body["slots"]:
                paths.append(path)
                break
    await connection.close()
    return paths


async def tag_of(api: str, path: str) -> str:
    connection = Connection(api)
    answer = await connection.request("GET", path)
    await connection.close()
    return answer.headers["etag"]


async def hits(meter: Meter, api: Api, paths: list[str], options: argparse.Namespace) -> None:
    """Days that have not changed: one that everybody looks at, and one a doctor."""
    one, all_days = [request(paths[0])], [request(path) for path in paths]
    known = [request(paths[0], await tag_of(api.url, paths[0]))]
    await read(api.url, all_days, connections=4, seconds=WARM_SECONDS)
    for connections in options.connections:
        for what, requests in (("one day", one), ("many days", all_days), ("one day, 304", known)):
            await meter.measure(
                f"{what:<13} {connections:>3} readers",
                api,
                lambda requests=requests, connections=connections: read(  # type: ignore[misc]
                    api.url, requests, connections=connections, seconds=options.seconds
                ),
            )


async def misses(meter: Meter, api: Api, paths: list[str], state: RunState, seconds: float) -> None:
    """Each reader's day changes before each of its reads."""
    readers = min(8, len(paths))
    async with _database(state, readers) as connections:
        await meter.measure(
            f"{'changed day':<13} {readers:>3} readers",
            api,
            lambda: _read_changed(api.url, paths, connections, seconds),
        )


async def _read_changed(
    api: str, paths: list[str], connections: list[psycopg.AsyncConnection[Any]], seconds: float
) -> Told:
    told = Told()
    begun = time.perf_counter()

    async def reader(path: str, database: psycopg.AsyncConnection[Any]) -> None:
        connection = Connection(api)
        doctor, seen = path.split("/")[4], set()
        while time.perf_counter() < begun + seconds:
            await database.execute(TOUCH, [doctor])
            asked = time.perf_counter()
            answer = await connection.request("GET", path)
            told.took_ms.append((time.perf_counter() - asked) * 1000)
            told.by_status[answer.status] = told.by_status.get(answer.status, 0) + 1
            told.hits += "hit" in answer.headers["cache-status"]
            if answer.body["version"] in seen:
                sys.exit(f"void: {path} was served as it had been before its last change")
            seen.add(answer.body["version"])
        await connection.close()

    await asyncio.gather(*map(reader, paths, connections))
    told.seconds = time.perf_counter() - begun
    return told


async def crowd(api: Api, paths: list[str], state: RunState) -> str:
    """How long so many readers wait together for a day that has just changed."""
    waiting = [Connection(api.url) for _ in range(WAITING)]
    await _in_tens(each.request("GET", "/healthz") for each in waiting)
    async with _database(state, 1) as (database,):
        await database.execute(TOUCH, [paths[0].split("/")[4]])
    used, begun = api.cpu(), time.perf_counter()
    answers = await asyncio.gather(*(each.request("GET", paths[0]) for each in waiting))
    took, used = time.perf_counter() - begun, api.cpu() - used
    for each in waiting:
        await each.close()
    late = sum(answer.status != 200 for answer in answers)
    versions = {answer.body["version"] for answer in answers if answer.status == 200}
    return (
        f"{WAITING} waited for one changed day: all answered after {took:.2f} s, "
        f"{used:.2f} s of the api, {late} late, {len(versions)} version"
    )


async def _in_tens(calls: Any) -> None:
    calls = list(calls)
    for first in range(0, len(calls), 10):
        await asyncio.gather(*calls[first : first + 10])


@asynccontextmanager
async def _database(
    state: RunState, count: int
) -> AsyncIterator[list[psycopg.AsyncConnection[Any]]]:
    opened = [
        await psycopg.AsyncConnection.connect(state["databaseUrl"], autocommit=True)
        for _ in range(count)
    ]
    try:
        yield opened
    finally:
        for each in opened:
            await each.close()


async def run(state: RunState, options: argparse.Namespace) -> None:
    apis = [listening(url) for url in options.api or [state["api"]]]
    paths = (await days_of(apis[0].url))[: options.days]
    print(f"{len(paths)} days; {options.rounds} rounds of {options.seconds:g} s each, in turns")
    costs: Costs = {}
    meter = Meter(state, costs)
    for _ in range(options.rounds):
        for api in apis:
            await hits(meter, api, paths, options)
            await misses(meter, api, paths, state, options.seconds)
    for what, url in sorted(costs, key=lambda key: key[0]):
        print(f"{what}  {url.rsplit(':', 1)[-1] + ' ' if len(apis) > 1 else ''}", end="")
        print(costs[what, url].line())
    for api in apis:
        print(f"{api.url.rsplit(':', 1)[-1]}: {await crowd(api, paths, state)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--days", type=int, default=200)
    parser.add_argument("--api", action="append", help="an address; more than one: in turns")
    parser.add_argument("--home", default=os.environ.get("PRIYOM_HOME", ".priyom"))
    options = parser.parse_args()
    state: RunState = json.loads((Path(options.home) / "run.json").read_text())
    uvloop.run(run(state, options))


if __name__ == "__main__":
    main()
