"""Many open pages on one day of one api process: `python -m bench.streams` (after `make up`).

All streams follow the same day, which is the worst case: every change there goes to all of them.
Prints what they cost in memory, and how long a hold on that day takes to reach the first and the
last of them.
"""

import asyncio
import json
import resource
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bench.clinic import Clinic, options_of
from bench.free_slots import Wish
from bench.http import Connection

CHANGES = 10
ROUNDS = 2
DEADLINE_SECONDS = 20.0


@dataclass
class Page:
    """One open stream, and when it was first told that a slot is held."""

    told: dict[str, float] = field(default_factory=dict)

    async def follow(self, api: str, path: str, opened: asyncio.Semaphore) -> None:
        parts = urlsplit(api)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(f"GET {path} HTTP/1.1\r\nhost: {parts.hostname}\r\n\r\n".encode())
        is_open = False
        try:
            while line := await reader.readline():
                if not line.startswith(b"data: "):
                    continue
                self._take(line)
                if not is_open:
                    is_open = True
                    opened.release()
        finally:
            writer.close()

    def _take(self, line: bytes) -> None:
        arrived = time.perf_counter()
        for slot in json.loads(line.removeprefix(b"data: "))["slots"]:
            if slot["state"] == "held":
                self.told.setdefault(slot["dateTime"], arrived)


@asynccontextmanager
async def opened(api: str, path: str, count: int) -> AsyncIterator[list[Page]]:
    """So many pages, each of which has been told how the day is."""
    ready = asyncio.Semaphore(0)
    pages = [Page() for _ in range(count)]
    following = [asyncio.create_task(page.follow(api, path, ready)) for page in pages]
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            for _ in pages:
                await ready.acquire()
        yield pages
    finally:
        for each in following:
            each.cancel()
        await asyncio.gather(*following, return_exceptions=True)


async def change(api: str, pages: list[Page], todo: list[Wish]) -> None:
    """Hold a slot of the open day, wait until every page was told, give it up again."""
    connection = Connection(api)
    firsts, lasts = [], []
    for wish in todo:
        begun, instant = time.perf_counter(), wish[2]
        held = await connection.hold(wish)
        if held.status != 201:
            continue
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not all(instant in page.told for page in pages):  # noqa: ASYNC110 - of all pages
                await asyncio.sleep(0.005)
        told = [page.told[instant] - begun for page in pages]
        firsts.append(min(told) * 1000)
        lasts.append(max(told) * 1000)
        await connection.tell(held.body["appointmentId"], "cancel")
    await connection.close()
    if not lasts:
        raise SystemExit("void: no slot of the open day could be held")
    print(
        f"{len(lasts)} holds on the open day, from the request on: first page told after "
        f"{statistics.median(firsts):.0f} ms, last after {statistics.median(lasts):.0f} ms "
        f"(median), {max(lasts):.0f} ms (worst)"
    )


async def run(clinic: Clinic, count: int) -> None:
    found = await clinic.wishes()
    if not found:
        raise SystemExit("no free slot: run `make seed DAYS=28` first")
    _, doctor, instant = found[0]
    here = [wish for wish in found if wish[1] == doctor and wish[2][:10] == instant[:10]]
    path = f"/api/v1/doctors/{doctor}/schedule/stream?date={instant[:10]}"
    for _ in range(ROUNDS):
        before = clinic.memory_mib("api")
        async with opened(clinic.api, path, count) as pages:
            after = clinic.memory_mib("api")
            await change(clinic.api, pages, here[:CHANGES])
            most = clinic.memory_mib("api")
        print(f"api: {before:.0f} MiB, {after:.0f} with {count} streams, {most:.0f} after all that")
    await clinic.close()


if __name__ == "__main__":
    chosen = options_of(__doc__, streams=500)
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    asyncio.run(run(Clinic(chosen.home), chosen.streams))
