"""Reads, which forgive a connection that died in the pool, as after a restart of PostgreSQL."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from adapters.postgres.database import Connection, ConnectionDied, Database
from adapters.postgres.direct import Cursor, cursor

Answer = TypeVar("Answer")


async def read(database: Database, work: Callable[[Connection], Awaitable[Answer]]) -> Answer:
    """Run `work` again, once, if its connection had died."""
    try:
        async with database.connect() as connection:
            return await work(connection)
    except ConnectionDied:
        async with database.connect() as connection:
            return await work(connection)


async def read_by_cursor(database: Database, work: Callable[[Cursor], Awaitable[Answer]]) -> Answer:
    """As `read`, on psycopg's own cursor."""
    try:
        async with cursor(database) as connection:
            return await work(connection)
    except ConnectionDied:
        async with cursor(database) as connection:
            return await work(connection)
