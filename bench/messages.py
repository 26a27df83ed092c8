"""Waits until everybody was told of the visits of a turn."""

import asyncio
import time

import psycopg

from bench.figures import Turn
from bench.turns import NotAnnounced, Settle

OF_A_VISIT = 3
"""E-mail, SMS, and the doctor's notice."""

TOLD_WITHIN = 120.0
STILL_SECONDS = 0.3
"""What follows the last message: a delivery that closes, an offset that is committed."""

SENT = """
SELECT count(*) FROM notifications
WHERE status NOT IN ('sending', 'reserved') AND appointment_id::text = ANY(%s)
"""
NO_QUIET_HOURS = {"PRIYOM_QUIET_HOURS": "00:00-00:00"}
"""At night an SMS would wait for the morning."""


def everybody_is_told(database_url: str) -> Settle:
    """Each confirmed visit of the turn has all of its messages; the wait counts as its drain."""

    async def settle(turn: Turn) -> None:
        begun, wanted = time.perf_counter(), OF_A_VISIT * len(turn.confirmed)
        connection = await psycopg.AsyncConnection.connect(database_url, autocommit=True)
        async with connection:
            while (sent := await _sent(connection, turn.confirmed)) < wanted:
                if time.perf_counter() > begun + TOLD_WITHIN:
                    raise NotAnnounced(f"{turn.engine}: {sent} of {wanted} messages were sent")
                await asyncio.sleep(0.1)
        turn.drain_seconds += time.perf_counter() - begun
        await asyncio.sleep(STILL_SECONDS)

    return settle


async def _sent(connection: psycopg.AsyncConnection, ids: list[str]) -> int:
    row = await (await connection.execute(SENT, [ids])).fetchone()
    return int(row[0]) if row else 0
