"""PostgreSQL: engines, and the one way to run a SERIALIZABLE transaction."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

Answer = TypeVar("Answer")

MAX_ATTEMPTS = 12
"""An almost empty table is the worst case for false conflicts; 12 were enough for 200 at once."""

ALONE_FROM = 6
"""A transaction that has lost so often runs without the company that it loses to."""

RETRIED_STATES = {"40001", "40P01"}  # serialization failure, deadlock


def sqlalchemy_url(database_url: str) -> URL:
    """The URL with psycopg 3 named as its driver."""
    return make_url(database_url).set(drivername="postgresql+psycopg")


def connect_engine(
    database_url: str, *, pool_size: int, name: str, statement_seconds: float = 4.0
) -> AsyncEngine:
    """An engine whose statements and lock waits end before the callers' own deadlines.

    Each statement is a transaction of its own; `serializable` is for more than one.
    """
    limits = (
        f"-c timezone=UTC -c statement_timeout={int(statement_seconds * 1000)} -c lock_timeout=2000"
    )
    return create_async_engine(
        sqlalchemy_url(database_url),
        pool_size=pool_size,
        max_overflow=0,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        pool_timeout=statement_seconds,
        hide_parameters=True,
        connect_args={
            "application_name": name,
            "connect_timeout": 3,
            "options": limits,
            "prepare_threshold": 2,
        },
    )


def sqlstate(error: DBAPIError) -> str | None:
    """PostgreSQL's five-letter code of the error, if it came from the server."""
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None


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
    engine: AsyncEngine,
    work: Callable[[AsyncConnection], Awaitable[Answer]],
    turns: TransactionLimit | None = None,
) -> Answer:
    """Run `work` in one SERIALIZABLE transaction, whole again with fresh state on a conflict.

    A refusal raised by `work` rolls back and passes through; so does the last conflict.
    """
    strict = engine.execution_options(isolation_level="SERIALIZABLE")

    async def once() -> Answer:
        async with strict.begin() as connection:
            return await work(connection)

    return await tried_again(once, turns or TransactionLimit(1))


async def tried_again(
    transaction: Callable[[], Awaitable[Answer]], turns: TransactionLimit
) -> Answer:
    """Try the whole of a transaction until it meets no other, or has lost too often."""
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            async with turns.turn(alone=attempt >= ALONE_FROM):
                return await transaction()
        except DBAPIError as error:
            if sqlstate(error) not in RETRIED_STATES or attempt == MAX_ATTEMPTS:
                raise
        await asyncio.sleep(random.uniform(0, 0.005 * 2 ** min(attempt, 6)))  # noqa: S311 - jitter
    raise AssertionError("unreachable: the last attempt returns or raises")
