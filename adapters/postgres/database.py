"""PostgreSQL: one pool of connections, lent to psycopg's own cursor or to SQLAlchemy."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any, Self

import psycopg
from psycopg.abc import Params
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import NullPool, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from adapters.postgres.pool_metrics import POOLS
from adapters.postgres.seeing import Sees, begin

DATABASE_AWAY = (psycopg.OperationalError, psycopg.InterfaceError)
"""What a statement raises that a later try may not."""

Connection = AsyncConnection
"""What SQLAlchemy runs its statements on."""

RECONNECT_SECONDS = 0.5
"""An attempt to connect is given up so soon; whoever comes next begins another."""

STATEMENT_SECONDS = 4.0
SETTINGS = {
    "timezone": "UTC",
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "statement_timeout": f"{int(STATEMENT_SECONDS * 1000)}",
    "lock_timeout": "2000",
}
"""Of every connection; also of the processes' role, for connections that cannot say so."""

PREPARES_BEHIND_POOLER = psycopg.capabilities.has_send_close_prepared()
"""What forgets a prepared statement in words that a pooler understands is libpq 17 or newer."""


class PooledCursor(psycopg.AsyncCursor[Any]):
    """Forgets what it has prepared where a migration has changed the type of a result.

    Once without preparing: behind a pooler the next connection may have prepared it as well.
    """

    async def execute(
        self,
        query: Any,
        params: Params | None = None,
        *,
        prepare: bool | None = None,
        binary: bool | None = None,
    ) -> Self:
        try:
            return await super().execute(query, params, prepare=prepare, binary=binary)
        except psycopg.errors.FeatureNotSupported:
            if self.connection.info.transaction_status is not TransactionStatus.IDLE:
                raise  # the whole of the transaction is tried again, after a ROLLBACK
            await super().execute("DEALLOCATE ALL", prepare=False)
            return await super().execute(query, params, prepare=False, binary=binary)


class PooledConnection(psycopg.AsyncConnection[TupleRow]):
    """A connection that SQLAlchemy may use while it is lent, as if it had opened it itself."""

    is_lent = False

    async def close(self) -> None:
        """For the pool to do, not for who has borrowed it."""
        if not self.is_lent:
            await super().close()

    def add_notice_handler(self, callback: Callable[[psycopg.errors.Diagnostic], None]) -> None:
        """SQLAlchemy adds the same one each time that it is given the connection."""
        with suppress(ValueError):
            self.remove_notice_handler(callback)
        super().add_notice_handler(callback)


class ConnectionDied(psycopg.OperationalError):
    """The connection was dead, or died during the statement: nobody knows what became of it."""


LENT: ContextVar[PooledConnection] = ContextVar("lent")
"""The connection that the next one of SQLAlchemy's is made of."""

Pool = AsyncConnectionPool[PooledConnection]


class Database:
    """The pool of a process. Each statement is a transaction of its own; see `serializable`.

    Every fault is psycopg's own error, whoever ran the statement; one without a free connection
    is a `psycopg_pool.PoolTimeout`, which is a `psycopg.OperationalError` too.
    """

    def __init__(self, url: str, pool: Pool) -> None:
        self.url = url
        self.pool = pool
        POOLS.watch(pool)
        self.engine = _engine_on_what_is_lent()

    async def open(self) -> None:
        """Begin to connect; nobody waits for it, since PostgreSQL may come later."""
        await self.pool.open()

    async def close(self) -> None:
        await self.engine.dispose()
        await self.pool.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def lend(self, sees: Sees | None = None) -> AsyncIterator[PooledConnection]:
        """A connection for psycopg's cursor; what an error leaves open is rolled back.

        One that sees patients is lent within a transaction, which ends as it is given back.
        """
        lent: PooledConnection | None = None
        try:
            async with self.pool.connection() as lent:
                lent.is_lent = True
                try:
                    if sees is not None:
                        await lent.execute(begin(sees), prepare=False)
                    yield lent
                finally:
                    lent.is_lent = False
        except psycopg.Error as error:
            if lent is None or not lent.closed:
                raise
            await self.pool.check()  # one that died is seldom alone
            raise ConnectionDied(str(error)) from error

    @asynccontextmanager
    async def connect(self, sees: Sees | None = None) -> AsyncIterator[Connection]:
        """The same for SQLAlchemy's statements, which begins and ends no transaction itself."""
        async with self.lend() as lent:
            here = LENT.set(lent)
            try:
                async with self.engine.connect() as connection:
                    if sees is not None:
                        await lent.execute(begin(sees), prepare=False)
                    yield connection
                    await lent.commit()
            finally:
                LENT.reset(here)


def connect_database(
    database_url: str,
    *,
    pool_size: int,
    name: str,
    statement_seconds: float = STATEMENT_SECONDS,
    pooled: bool = False,
) -> Database:
    """A database whose statements and lock waits end before the callers' own deadlines.

    `pooled`: a transaction pooler is at this address. It lends another connection for each
    transaction, and takes no such settings: there they are the role's own.
    """
    kwargs = {
        "autocommit": True,
        "application_name": name,
        "connect_timeout": 3,
        "prepare_threshold": 0 if not pooled or PREPARES_BEHIND_POOLER else None,
        "cursor_factory": PooledCursor,
    }
    if not pooled:
        limits = SETTINGS | {"statement_timeout": f"{int(statement_seconds * 1000)}"}
        kwargs["options"] = " ".join(f"-c {key}={value}" for key, value in limits.items())
    return Database(
        database_url,
        AsyncConnectionPool(
            database_url,
            connection_class=PooledConnection,
            kwargs=kwargs,
            min_size=min(2, pool_size),
            max_size=pool_size,
            open=False,
            name=name,
            timeout=statement_seconds,
            reconnect_timeout=RECONNECT_SECONDS,
        ),
    )


def _engine_on_what_is_lent() -> AsyncEngine:
    """SQLAlchemy without a pool of its own, and with psycopg's errors in the place of its own."""

    async def lent() -> PooledConnection:
        return LENT.get()

    engine = create_async_engine(
        "postgresql+psycopg://",
        async_creator=lent,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
    )

    @event.listens_for(engine.sync_engine, "handle_error")
    def raise_as_psycopg_does(context: ExceptionContext) -> BaseException | None:
        error = context.original_exception
        return error if isinstance(error, psycopg.Error) else None

    return engine
