"""Reads, which forgive a connection that died in the pool, as after a restart of PostgreSQL."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from psycopg.errors import FeatureNotSupported

from adapters.postgres.database import Connection, ConnectionDied, Database
from adapters.postgres.direct import Cursor, cursor
from adapters.postgres.seeing import Sees

Answer = TypeVar("Answer")

ONCE_MORE = (ConnectionDied, FeatureNotSupported)
"""The second is a result whose type a migration has changed, within a transaction."""


async def read(
    database: Database,
    work: Callable[[Connection], Awaitable[Answer]],
    sees: Sees | None = None,
) -> Answer:
    """Run `work` again, once, if its connection had died. `sees`: whose records it reads."""
    try:
        async with database.connect(sees) as connection:
            return await work(connection)
    except ONCE_MORE:
        async with database.connect(sees) as connection:
            return await work(connection)


async def read_by_cursor(
    database: Database,
    work: Callable[[Cursor], Awaitable[Answer]],
    sees: Sees | None = None,
) -> Answer:
    """As `read`, on psycopg's own cursor."""
    try:
        async with cursor(database, sees) as connection:
            return await work(connection)
    except ONCE_MORE:
        async with cursor(database, sees) as connection:
            return await work(connection)
