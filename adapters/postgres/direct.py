"""Statements on psycopg's own cursor, which costs half the processor time of SQLAlchemy's."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import LiteralString

from psycopg.rows import dict_row
from psycopg.sql import SQL

from adapters.postgres.database import Database, PooledConnection
from adapters.postgres.rows import Row
from adapters.postgres.seeing import Sees


class Cursor:
    """A connection whose statements are transactions of their own, or parts of the one begun."""

    def __init__(self, connection: PooledConnection) -> None:
        self._connection = connection
        self._cursor = connection.cursor(row_factory=dict_row)

    async def one_or_none(self, statement: SQL, parameters: Mapping[str, object]) -> Row | None:
        """The only row of the answer, by its columns' names, if there is one."""
        await self._cursor.execute(statement, parameters)
        return await self._cursor.fetchone()

    async def one(self, statement: SQL, parameters: Mapping[str, object]) -> Row:
        """The only row of an answer that always has one."""
        (row,) = await self.all(statement, parameters)
        return row

    async def all(self, statement: SQL, parameters: Mapping[str, object]) -> Sequence[Row]:
        """The rows of the answer, in its order."""
        await self._cursor.execute(statement, parameters)
        return await self._cursor.fetchall()

    async def all_of(self, *asked: tuple[SQL, Mapping[str, object]]) -> list[Sequence[Row]]:
        """The rows of each answer. All are asked for before the first is waited for.

        On a busy machine each wait is one for a processor: with this and `pipeline` an import takes
        three quarters of the time, a publishing of every day as well (docs/performance.md).
        """
        cursors = [self._connection.cursor(row_factory=dict_row) for _ in asked]
        async with self._connection.pipeline():
            for each, (statement, parameters) in zip(cursors, asked, strict=True):
                await each.execute(statement, parameters)
        return [await each.fetchall() for each in cursors]

    @asynccontextmanager
    async def pipeline(self) -> AsyncIterator[None]:
        """What is written here waits at the end of it alone: how many rows it were, nobody is told.

        The first that fails is raised there, and those behind it did nothing.
        """
        async with self._connection.pipeline():
            yield

    async def write(self, statement: SQL, parameters: Mapping[str, object]) -> int:
        """How many rows were written."""
        await self._cursor.execute(statement, parameters)
        return self._cursor.rowcount


def one_line(spelled: LiteralString) -> SQL:
    """A long statement without its layout: psycopg reads one of more than 4 096 letters each time
    that it is run.
    """
    return SQL(" ".join(spelled.split()))


@asynccontextmanager
async def cursor(database: Database, sees: Sees | None = None) -> AsyncIterator[Cursor]:
    """A connection of the pool. One that died, or was left in the middle, does not go back."""
    async with database.lend(sees) as connection:
        yield Cursor(connection)
