"""A PgBouncer in transaction mode before the PostgreSQL of a test: few connections for many."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from stack.accounts import unprivileged_account
from stack.embedded import running, temporary_folder
from stack.errors import MissingToolError
from stack.ports import LOOPBACK, Ports
from stack.probes import postgres_answers
from stack.program import Program
from stack.progress import Steps
from stack.servers.postgres import give
from stack.supplies.pgbouncer import make_pgbouncer

CONNECTIONS = 4
"""To PostgreSQL; clients take turns on them, a transaction at a time."""


@asynccontextmanager
async def pooled(url: str, folder: Path) -> AsyncIterator[str]:
    """The same database for the same role, through the pooler; skips where there is none."""
    try:
        with Steps() as steps:
            pgbouncer = await asyncio.to_thread(make_pgbouncer, steps)
    except MissingToolError as error:
        pytest.skip(f"no PgBouncer on this machine: {error}")
    ports = Ports()
    port = ports.take()
    try:
        with temporary_folder(unprivileged_account(), folder) as place:
            program = pooler(pgbouncer, place, port, [url])
            async with running(program, folder):
                yield at_port(url, port)
    finally:
        ports.release()


def pooler(
    pgbouncer: Path, place: Path, port: int, urls: Sequence[str], connections: int = CONNECTIONS
) -> Program:
    """PgBouncer at that port, before the PostgreSQL at these URLs, for the roles that they name.

    It is ready when the first one gets through. Its account must reach the folder `place`.
    """
    account = unprivileged_account()
    addresses = [urlsplit(url) for url in urls]
    users = place / "users.txt"
    configuration = f"""
[databases]
* = host={addresses[0].hostname} port={addresses[0].port}

[pgbouncer]
listen_addr = {LOOPBACK}
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 500
max_prepared_statements = 200
{"" if account is None else f"user = {account.name}"}
"""
    known = "\n".join(
        f'"{unquote(each.username or "")}" "{unquote(each.password or "")}"' for each in addresses
    )
    for file, content in {users: known, place / "pgbouncer.ini": configuration}.items():
        file.touch(mode=0o600)
        file.write_text(content)
        give(file, account)
    return Program(
        name="pgbouncer",
        argv=[str(pgbouncer), "--quiet", str(place / "pgbouncer.ini")],
        ready=partial(postgres_answers, at_port(urls[0], port)),
        port=port,
    )


def at_port(url: str, port: int) -> str:
    """The same login at another port of this machine."""
    address = urlsplit(url)
    login = address.netloc.rpartition("@")[0]
    return address._replace(netloc=f"{login}@{LOOPBACK}:{port}").geturl()
