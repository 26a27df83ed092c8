"""PgBouncer in transaction mode before PostgreSQL: few connections for many clients."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from stack.accounts import Account, claim
from stack.ports import LOOPBACK
from stack.probes import postgres_answers
from stack.program import Program
from stack.servers.postgres import give
from stack.supplies.pgbouncer import pgbouncer

CONNECTIONS = 20
"""To PostgreSQL, for each role and database."""

CONFIGURATION, USERS = "pgbouncer.ini", "pgbouncer-users.txt"


def initialise(
    folder: Path,
    urls: Sequence[str],
    port: int,
    account: Account | None,
    *,
    connections: int = CONNECTIONS,
) -> Path:
    """Write its files: it leads to the PostgreSQL of these URLs, and knows the roles they name.

    The account, under which it runs, must reach the folder.
    """
    if account is not None:
        claim(folder)
    roles = [urlsplit(url) for url in urls]
    users, configuration = folder / USERS, folder / CONFIGURATION
    content = {
        users: "".join(
            f'"{unquote(r.username or "")}" "{unquote(r.password or "")}"\n' for r in roles
        ),
        configuration: f"""
[databases]
* = host={roles[0].hostname} port={roles[0].port}

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
""",
    }
    for file, text in content.items():
        file.touch(mode=0o600)
        file.write_text(text)
        give(file, account)
    return configuration


def program(configuration: Path, url: str, port: int) -> Program:
    """It is ready when the role of that URL gets through to PostgreSQL."""
    return Program(
        name="pgbouncer",
        argv=[str(pgbouncer()), "--quiet", str(configuration)],
        ready=partial(postgres_answers, at_port(url, port)),
        port=port,
    )


def at_port(url: str, port: int) -> str:
    """The same login at another port of this machine."""
    scheme, netloc, *rest = urlsplit(url)
    return urlunsplit((scheme, f"{netloc.rpartition('@')[0]}@{LOOPBACK}:{port}", *rest))
