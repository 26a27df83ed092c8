"""The trail of who did what: sealed soon after it is written, and checked in each audit."""

import asyncio
from datetime import timedelta

import psycopg
from structlog import get_logger

from adapters.postgres import trail_seals
from adapters.postgres.database import Connection, Database
from adapters.postgres.trail_versions import untold
from domain.audit import Trail

CHECKED_FOR_SECONDS = 8.0
"""For how long one audit takes batch after batch: less than half of a try."""

NEWEST = 100
"""Seals that every audit looks at."""

EVERY_SECONDS = 1.0
FORGOTTEN_EVERY_SECONDS = 3600.0

log = get_logger("trail")


async def checked_trail(database: Database, before: Trail | None) -> Trail:
    """Seal what is not yet, then look at what the time allows of all that is sealed."""
    async with database.connect() as connection:
        await seal_all(connection, trail_seals.LATE)
        last, breaks = await trail_seals.last_seal(connection), list[str]()
        if before and before.seal and not await trail_seals.is_known(connection, before.seal):
            breaks.append(f"seal {before.seal.place} is gone, or another one")
        place = last.place if last else 0
        oldest = await trail_seals.first_place(connection) - 1
        newest = max(place - NEWEST, oldest)
        lines, _ = await _check(connection, newest, place, breaks)
        begin = before.until if before and oldest <= before.until < newest else oldest
        more, until = await _check(connection, begin, newest, breaks)
        breaks += await untold(connection, before.seal if before else None)
    return Trail(lines=lines + more, until=until, seal=last, breaks=breaks)


async def seal_all(connection: Connection, look_back: timedelta) -> None:
    """However many lines there are."""
    while await trail_seals.seal(connection, look_back) == trail_seals.LINES_SEALED:
        pass


async def keep_sealing(database: Database) -> None:
    """Once a second, until it is cancelled; where the database refuses it, later."""
    while True:
        try:
            async with database.connect() as connection:
                await seal_all(connection, trail_seals.SOON)
        except psycopg.Error as error:
            log.warning("trail_is_not_sealed_now", error=type(error).__name__)
        await asyncio.sleep(EVERY_SECONDS)


async def keep_forgetting(database: Database, *, days: int) -> None:
    """Once an hour, what is older, until it is cancelled; where the database refuses it, later."""
    kept = timedelta(days=days)
    while True:
        try:
            async with database.connect() as connection:
                lines = 0
                while gone := await trail_seals.forget(connection, kept):
                    lines += gone
        except psycopg.Error as error:
            log.warning("trail_is_not_forgotten_now", error=type(error).__name__)
        else:
            log.info("trail_was_forgotten", lines=lines, older_than_days=days)
        await asyncio.sleep(FORGOTTEN_EVERY_SECONDS)


async def _check(
    connection: Connection, after: int, until: int, breaks: list[str]
) -> tuple[int, int]:
    """Batch after batch, as far as the time allows; how many lines, and how far it came."""
    clock = asyncio.get_running_loop().time
    ends, lines = clock() + CHECKED_FOR_SECONDS / 2, 0
    while after < until and clock() < ends:
        batch = await trail_seals.check_seals(connection, after)
        lines += batch.lines
        breaks += batch.breaks
        after += trail_seals.SEALS_CHECKED
    return lines, min(after, until)
