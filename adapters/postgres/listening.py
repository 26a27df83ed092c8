"""What is said by PostgreSQL's NOTIFY, heard on a connection of its own."""

import asyncio
from collections.abc import AsyncGenerator
from typing import LiteralString

from psycopg import AsyncConnection

ALIVE_SECONDS = 10.0
"""How long silence is believed; then the connection is tried."""


async def words_in(
    channel: LiteralString, database_url: str, *, name: str
) -> AsyncGenerator[str | None]:
    """Each word that is said in the channel; raises when the connection is lost.

    Null as it begins to listen, since nobody knows what was said before, and after each silence.
    """
    connection = await AsyncConnection.connect(
        database_url, autocommit=True, connect_timeout=3, application_name=name
    )
    async with connection:
        await connection.execute(f"LISTEN {channel}")
        while True:
            yield None
            async for word in connection.notifies(timeout=ALIVE_SECONDS):
                yield word.payload
            async with asyncio.timeout(ALIVE_SECONDS):
                await connection.execute("SELECT")
