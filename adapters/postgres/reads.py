"""Reads, which forgive a connection that died in the pool, as after a restart of PostgreSQL."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from adapters.postgres.database import Connection, ConnectionDied, Database
from adapters.postgres.direct import Plain, plain

Answer = TypeVar("Answer")


async def read(database: Database, work: Callable[[Connection], Awaitable[Answer]]) -> Answer:
    """Run `work` again, once, if its connection had died."""
    try:
        async with database.connect() as connection:
            return await work(connection)
    except ConnectionDied:
        async with database.connect() as connection:
            return await work(connection)


async def read_plainly(database: Database, work: Callable[[Plain], Awaitable[Answer]]) -> Answer:
    """As `read`, on psycopg's own cursor."""
    try:
        async with plain(database) as connection:
            return await work(connection)
    except ConnectionDied:
        async with plain(database) as connection:
            return await work(connection)
