"""A PgBouncer in transaction mode before the PostgreSQL of a test: few connections for many.

With `make test WITH=pgbouncer` it stands before the PostgreSQL of every test.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from adapters.postgres.database import Database, connect_database
from stack.accounts import unprivileged_account
from stack.embedded import running, temporary_folder
from stack.errors import MissingToolError
from stack.ports import Ports
from stack.progress import Steps
from stack.servers import pgbouncer
from stack.servers.pgbouncer import at_port
from stack.supplies.pgbouncer import make_pgbouncer

FEW = 4
"""To PostgreSQL; clients take turns on them, a transaction at a time."""

BEFORE: dict[int, int] = {}
"""The ports of poolers by those of the PostgreSQL that they stand before, for a whole run."""

EVERYWHERE = "pgbouncer" in os.environ.get("STACK_WITH", "").split(",")


@asynccontextmanager
async def pooled(url: str, folder: Path) -> AsyncIterator[str]:
    """The same database for the same role, through the pooler; skips where there is none."""
    try:
        with Steps() as steps:
            await asyncio.to_thread(make_pgbouncer, steps)
    except MissingToolError as error:
        pytest.skip(f"no PgBouncer on this machine: {error}")
    async with pooler_before([url], folder, connections=FEW) as port:
        yield at_port(url, port)


@asynccontextmanager
async def pooler_before(
    urls: Sequence[str], folder: Path, *, connections: int = pgbouncer.CONNECTIONS
) -> AsyncIterator[int]:
    """Its port, for the roles that these URLs name. MissingToolError where there is none."""
    ports, account = Ports(), unprivileged_account()
    port = ports.take()
    try:
        with temporary_folder(account, folder) as place:
            configuration = pgbouncer.initialise(
                place, urls, port, account, connections=connections
            )
            async with running(pgbouncer.program(configuration, urls[0], port), folder):
                yield port
    finally:
        ports.release()


def pooler_of(url: str) -> str:
    """That URL through the pooler that stands before its server; none where there is none."""
    port = BEFORE.get(urlsplit(url).port or 0)
    return at_port(url, port) if port else ""


def connect(url: str, **settings: Any) -> Database:
    """As the processes connect: through the pooler, if one stands before that server.

    The database's `url` is PostgreSQL's own, for what a session keeps.
    """
    pooler = pooler_of(url)
    database = connect_database(pooler or url, pooled=bool(pooler), **settings)
    database.url = url
    return database
