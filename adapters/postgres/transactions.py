"""How a transaction is run: whole again, with fresh state, on a conflict."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal, TypeVar

from psycopg.errors import DeadlockDetected, FeatureNotSupported, SerializationFailure

from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor
from adapters.postgres.seeing import Sees, begin

Answer = TypeVar("Answer")
Isolation = Literal["SERIALIZABLE", "REPEATABLE READ"]

MAX_ATTEMPTS = 12
"""An almost empty table is the worst case for false conflicts; 12 were enough for 200 at once."""

ALONE_FROM = 6
"""A transaction that has lost so often runs without the company that it loses to."""

LOST = (SerializationFailure, DeadlockDetected)
"""What PostgreSQL ends a transaction with that met another one."""

RETRIED = (*LOST, FeatureNotSupported)
"""The last is a result whose type a migration has changed; ROLLBACK forgets how it was prepared."""


class TransactionLimit:
    """So many transactions of this process at once: more only make more conflicts."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._turns = asyncio.Semaphore(at_once)
        self._alone = asyncio.Lock()

    @asynccontextmanager
    async def turn(self, *, alone: bool) -> AsyncIterator[None]:
        """One of the turns, or all of them; only one may be collecting all."""
        async with AsyncExitStack() as taken:
            if alone:
                await taken.enter_async_context(self._alone)
            for _ in range(self._at_once if alone else 1):
                await taken.enter_async_context(self._turns)
            yield


async def serializable(
    database: Database,
    work: Callable[[Cursor], Awaitable[Answer]],
    turns: TransactionLimit | None = None,
    *,
    sees: Sees | None = None,
) -> Answer:
    """Run `work` in one SERIALIZABLE transaction until it meets no other, or has lost too often.

    A refusal raised by `work` rolls back and passes through; so does the last conflict.
    `sees`: whose records it reads or writes.
    """
    return await _until_done(database, work, turns or TransactionLimit(1), sees, "SERIALIZABLE")


async def consistent(
    database: Database,
    work: Callable[[Cursor], Awaitable[Answer]],
    *,
    sees: Sees | None = None,
) -> Answer:
    """The same in one snapshot: what it reads may change meanwhile, what it writes may not.

    Nobody's SERIALIZABLE transaction loses to it. The constraints are all that keep two apart.
    """
    return await _until_done(database, work, TransactionLimit(1), sees, "REPEATABLE READ")


async def _until_done(
    database: Database,
    work: Callable[[Cursor], Awaitable[Answer]],
    turns: TransactionLimit,
    sees: Sees | None,
    isolation: Isolation,
) -> Answer:
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            async with turns.turn(alone=attempt >= ALONE_FROM):
                return await _once(database, work, sees, isolation)
        except RETRIED:
            if attempt == MAX_ATTEMPTS:
                raise
        await asyncio.sleep(random.uniform(0, 0.005 * 2 ** min(attempt, 6)))  # noqa: S311 - jitter
    raise AssertionError("unreachable: the last attempt returns or raises")


async def _once(
    database: Database,
    work: Callable[[Cursor], Awaitable[Answer]],
    sees: Sees | None,
    isolation: Isolation,
) -> Answer:
    """The pool's connection commits when it is given back, and rolls back after an error.

    PostgreSQL rolls back what is lost, whatever ends it. Here COMMIT does: with a ROLLBACK psycopg
    forgets all that the connection has prepared, and to plan it anew costs more than to run it.
    """
    async with database.lend() as connection:
        await connection.execute(begin(sees, isolation=isolation), prepare=False)
        try:
            return await work(Cursor(connection))
        except LOST:
            await connection.commit()
            raise
