"""A PgBouncer in transaction mode before the PostgreSQL of a test: few connections for many."""

import asyncio
from collections.abc import AsyncIterator
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
    ports, account = Ports(), unprivileged_account()
    port = ports.take()
    try:
        with temporary_folder(account, folder) as place:
            files = _files(url, place, port, "" if account is None else f"user = {account.name}")
            for name, content in files.items():
                (place / name).touch(mode=0o600)
                (place / name).write_text(content)
                give(place / name, account)
            through = _at_port(url, port)
            program = Program(
                name="pgbouncer",
                argv=[str(pgbouncer), "--quiet", str(place / "pgbouncer.ini")],
                ready=partial(postgres_answers, through),
                port=port,
            )
            async with running(program, folder):
                yield through
    finally:
        ports.release()


def _files(url: str, place: Path, port: int, user: str) -> dict[str, str]:
    address = urlsplit(url)
    name, password = unquote(address.username or ""), unquote(address.password or "")
    configuration = f"""
[databases]
* = host={address.hostname} port={address.port}

[pgbouncer]
listen_addr = {LOOPBACK}
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {place / "users.txt"}
pool_mode = transaction
default_pool_size = {CONNECTIONS}
max_client_conn = 500
max_prepared_statements = 200
{user}
"""
    return {"users.txt": f'"{name}" "{password}"\n', "pgbouncer.ini": configuration}


def _at_port(url: str, port: int) -> str:
    address = urlsplit(url)
    login = address.netloc.rpartition("@")[0]
    return address._replace(netloc=f"{login}@{LOOPBACK}:{port}").geturl()
