"""What reading a doctor's day, or a page, costs the API: `python -m bench.reads` (after `make up`).

Closed loop, loopback only, bounded in time. Tells CPU-ms a read of the api, PostgreSQL, Valkey and
the client, and how many reads one second of the api serves. Every read must be validated: readers
whose days change before every read void the run if one of them sees an old version.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import psycopg
import uvloop

from bench.clinic import Clinic, options_of
from bench.figures import quantile
from bench.http import Connection
from bench.readers import Told, read, request

WARM_SECONDS = 0.5
DAYS_AHEAD = 10
CONNECTIONS = (1, 16, 64)
CHANGED_READERS = 8
WAITING = 1000
"""Readers who wait for one day that has just changed."""

TOUCH = "UPDATE shifts SET during = during WHERE doctor_id = %s"
"""Changes every day of the doctor as far as a cache can know: each shift takes a new revision."""

Read = Callable[[], Coroutine[Any, Any, Told]]


def line(what: str, told: Told, cpu: Mapping[str, float]) -> str:
    each = {name: seconds * 1000 / told.reads for name, seconds in cpu.items()}
    return (
        f"{what:<27} api {each['api']:6.3f} CPU-ms a read, {1000 / each['api']:6.0f} reads a CPU-s"
        f" | postgres {each['postgres']:5.3f}, valkey {each['valkey']:5.3f}, "
        f"client {each['client']:5.3f} | {told.reads / told.seconds:6.0f}/s "
        f"p50 {statistics.median(told.took_ms):6.2f} p99 {quantile(told.took_ms, 0.99):6.2f} ms | "
        f"{told.hits / told.reads:4.0%} hits, {'/'.join(map(str, sorted(told.by_status)))}"
    )


async def measure(clinic: Clinic, what: str, reading: Read) -> None:
    before = clinic.cpu()
    told = await reading()
    after = clinic.cpu()
    print(line(what, told, {name: after[name] - before[name] for name in after}), flush=True)


async def days_of(api: str) -> list[str]:
    """Paths of days that have slots, one a doctor."""
    connection, paths = Connection(api), list[str]()
    page = "/api/v1/doctors?limit=100"
    while page:
        answer = (await connection.request("GET", page)).body
        for doctor in answer["items"]:
            for day in range(1, DAYS_AHEAD):
                date = time.strftime("%Y-%m-%d", time.gmtime(time.time() + day * 86_400))
                path = f"/api/v1/doctors/{doctor['doctorId']}/schedule?date={date}"
                if (await connection.request("GET", path)).body["slots"]:
                    paths.append(path)
                    break
        page = answer["next"] and f"/api/v1/doctors?limit=100&cursor={answer['next']}"
    await connection.close()
    return paths


async def tag_of(api: str, path: str) -> str:
    connection = Connection(api)
    answer = await connection.request("GET", path)
    await connection.close()
    return answer.headers["etag"]


async def hits(clinic: Clinic, paths: list[str], options: argparse.Namespace) -> None:
    """Days that have not changed: one that everybody looks at, and one a doctor; and pages."""
    kinds = {
        "one day": [request(paths[0])],
        "many days": [request(path) for path in paths],
        "one day, 304": [request(paths[0], await tag_of(clinic.api, paths[0]))],
        "doctors' page": [request("/")],
        "times' page": [request(f"/book/{path.split('/')[4]}") for path in paths],
    }
    await read(clinic.api, kinds["many days"], connections=4, seconds=WARM_SECONDS)
    for readers in CONNECTIONS:
        for what, requests in kinds.items():
            reading = partial(
                read, clinic.api, requests, connections=readers, seconds=options.seconds
            )
            await measure(clinic, f"{what:<14} {readers:>3} readers", reading)


async def misses(clinic: Clinic, paths: list[str], seconds: float) -> None:
    """Each reader's day changes before each of its reads."""
    some = paths[:CHANGED_READERS]
    async with _databases(clinic, len(some)) as databases:
        reading = partial(_read_changed, clinic.api, some, databases, seconds)
        await measure(clinic, f"{'changed day':<14} {len(some):>3} readers", reading)


async def _read_changed(
    api: str, paths: list[str], databases: list[psycopg.AsyncConnection[Any]], seconds: float
) -> Told:
    told, begun = Told(), time.perf_counter()

    async def reader(path: str, database: psycopg.AsyncConnection[Any]) -> None:
        connection, seen = Connection(api), set()
        while time.perf_counter() < begun + seconds:
            await database.execute(TOUCH, [path.split("/")[4]])
            asked = time.perf_counter()
            answer = await connection.request("GET", path)
            told.took_ms.append((time.perf_counter() - asked) * 1000)
            told.by_status[answer.status] = told.by_status.get(answer.status, 0) + 1
            told.hits += "hit" in answer.headers["cache-status"]
            if answer.body["version"] in seen:
                sys.exit(f"void: {path} was served as it had been before its last change")
            seen.add(answer.body["version"])
        await connection.close()

    await asyncio.gather(*map(reader, paths, databases))
    told.seconds = time.perf_counter() - begun
    return told


async def crowd(clinic: Clinic, path: str) -> str:
    """How long so many readers wait together for a day that has just changed."""
    waiting = [Connection(clinic.api) for _ in range(WAITING)]
    for first in range(0, WAITING, 10):
        await asyncio.gather(*(c.request("GET", "/healthz") for c in waiting[first : first + 10]))
    async with _databases(clinic, 1) as (database,):
        await database.execute(TOUCH, [path.split("/")[4]])
    before, begun = clinic.cpu()["api"], time.perf_counter()
    answers = await asyncio.gather(*(each.request("GET", path) for each in waiting))
    took, used = time.perf_counter() - begun, clinic.cpu()["api"] - before
    for each in waiting:
        await each.close()
    late = sum(answer.status != 200 for answer in answers)
    versions = {answer.body["version"] for answer in answers if answer.status == 200}
    return (
        f"{WAITING} waited for one changed day: all answered after {took:.2f} s, "
        f"{used:.2f} s of the api, {late} late, {len(versions)} version"
    )


@asynccontextmanager
async def _databases(
    clinic: Clinic, count: int
) -> AsyncIterator[list[psycopg.AsyncConnection[Any]]]:
    opened = [
        await psycopg.AsyncConnection.connect(clinic.database_url, autocommit=True)
        for _ in range(count)
    ]
    try:
        yield opened
    finally:
        for each in opened:
            await each.close()


async def run(options: argparse.Namespace) -> None:
    clinic = Clinic(options.home)
    paths = (await days_of(clinic.api))[: options.days]
    print(f"{len(paths)} days; {options.rounds} rounds of {options.seconds:g} s each")
    for _ in range(options.rounds):
        await hits(clinic, paths, options)
        await misses(clinic, paths, options.seconds)
    print(await crowd(clinic, paths[0]))


if __name__ == "__main__":
    uvloop.run(run(options_of(__doc__, seconds=2.0, rounds=2, days=200)))
