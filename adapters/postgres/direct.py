"""Statements that patients wait for, past SQLAlchemy: psycopg itself, on a connection of its pool.

A statement costs about half of the processor time so (docs/performance.md). The errors are the same
as on any other way to the database: SQLAlchemy's, without SQL or parameters.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from sqlalchemy import TextClause
from sqlalchemy.dialects import registry
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from adapters.postgres.engine import TransactionLimit, tried_again
from adapters.postgres.reads import again_if_it_was_dead
from adapters.postgres.rows import Row

Answer = TypeVar("Answer")
PSYCOPG = registry.load("postgresql.psycopg")()

KINDS: dict[type[psycopg.Error], type[DBAPIError]] = {
    psycopg.DataError: DataError,
    psycopg.IntegrityError: IntegrityError,
    psycopg.InterfaceError: InterfaceError,
    psycopg.InternalError: InternalError,
    psycopg.NotSupportedError: NotSupportedError,
    psycopg.OperationalError: OperationalError,
    psycopg.ProgrammingError: ProgrammingError,
}
"""What SQLAlchemy calls the same error."""


class Plain:
    """A connection whose statements are transactions of their own, or parts of the one begun."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._cursor = connection.cursor(row_factory=dict_row)

    async def one_or_none(
        self, statement: TextClause, parameters: Mapping[str, object]
    ) -> Row | None:
        """The only row of the answer, by its columns' names, if there is one."""
        await self._cursor.execute(_written(statement), parameters)
        return await self._cursor.fetchone()

    async def one(self, statement: TextClause, parameters: Mapping[str, object]) -> Row:
        """The only row of an answer that always has one."""
        (row,) = await self.all(statement, parameters)
        return row

    async def all(self, statement: TextClause, parameters: Mapping[str, object]) -> Sequence[Row]:
        """The rows of the answer, in its order."""
        await self._cursor.execute(_written(statement), parameters)
        return await self._cursor.fetchall()

    async def command(self, spelled: bytes) -> None:
        """A statement without parameters or rows, spelled out each time."""
        await self._cursor.execute(spelled, prepare=False)


@asynccontextmanager
async def plain(engine: AsyncEngine) -> AsyncIterator[Plain]:
    """A connection of the engine's pool, which the engine must keep in AUTOCOMMIT.

    One that died, or was left in the middle of something, does not go back to the pool.
    """
    lent = await _lent(engine)
    connection: AsyncConnection | None = lent.driver_connection
    if connection is None:
        raise TypeError("a connection that is open has one of its driver's")
    try:
        yield Plain(connection)
    except psycopg.Error as error:
        if is_dead := connection.closed:
            await greenlet_spawn(engine.pool._invalidate, lent)  # noqa: SLF001 - those of its age, too
        raise translated(error, is_dead=is_dead) from None
    finally:
        if connection.info.transaction_status is TransactionStatus.IDLE:
            lent.close()
        elif lent.is_valid:
            await greenlet_spawn(lent.invalidate)


async def _lent(engine: AsyncEngine) -> PoolProxiedConnection:
    """What SQLAlchemy keeps in its pool, without the connection that it would make of it."""
    try:
        return await greenlet_spawn(engine.sync_engine.raw_connection)
    except psycopg.Error as error:
        raise translated(error, is_dead=False) from None


async def read_plainly(engine: AsyncEngine, work: Callable[[Plain], Awaitable[Answer]]) -> Answer:
    """Run `work` again where the pool's connection had died, as after a restart of PostgreSQL."""

    async def once() -> Answer:
        async with plain(engine) as connection:
            return await work(connection)

    return await again_if_it_was_dead(once)


async def serializable_plainly(
    engine: AsyncEngine, work: Callable[[Plain], Awaitable[Answer]], turns: TransactionLimit
) -> Answer:
    """As `adapters.postgres.engine.serializable`."""

    async def once() -> Answer:
        async with plain(engine) as connection, _transaction(connection):
            return await work(connection)

    return await tried_again(once, turns)


@asynccontextmanager
async def _transaction(connection: Plain) -> AsyncIterator[None]:
    """A cancelled one is not rolled back: its connection is thrown away."""
    await connection.command(b"BEGIN ISOLATION LEVEL SERIALIZABLE")
    try:
        yield
    except Exception:
        with suppress(psycopg.Error):
            await connection.command(b"ROLLBACK")
        raise
    await connection.command(b"COMMIT")


@cache
def _written(statement: TextClause) -> bytes:
    """The statement as psycopg takes it."""
    return str(statement.compile(dialect=PSYCOPG)).encode()


def translated(error: psycopg.Error, *, is_dead: bool) -> DBAPIError:
    """The error as SQLAlchemy would have raised it, without the statement and its parameters."""
    kind = next((KINDS[each] for each in KINDS if isinstance(error, each)), DBAPIError)
    return kind(None, None, error, hide_parameters=True, connection_invalidated=is_dead)
