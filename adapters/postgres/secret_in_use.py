"""The secret that this database's ids, links and days were made with, known by its fingerprint."""

import hmac
from dataclasses import dataclass

import psycopg
from psycopg.sql import SQL

CONNECT_SECONDS = 2
PURPOSE = b"which secret is in use"

# The first process to come says which it is; later on one that names the previous one.
TAKE = SQL("""
INSERT INTO secret_in_use (fingerprint) VALUES (%(now)s)
ON CONFLICT (only_one) DO UPDATE SET fingerprint = excluded.fingerprint, since = clock_timestamp()
WHERE secret_in_use.fingerprint = %(previous)s
""")
IN_USE = SQL("SELECT fingerprint = %(now)s AS is_ours FROM secret_in_use")


@dataclass(frozen=True)
class Secrets:
    """The secret, and the one before while it is named."""

    now: bytes
    previous: bytes | None = None


def is_in_use(database_url: str, secrets: Secrets) -> bool | None:
    """None where the database cannot tell yet: it is away, or its tables are still to be made."""
    asked = {
        "now": _fingerprint(secrets.now),
        "previous": None if secrets.previous is None else _fingerprint(secrets.previous),
    }
    try:
        with psycopg.connect(database_url, connect_timeout=CONNECT_SECONDS) as connection:
            connection.execute(TAKE, asked)
            row = connection.execute(IN_USE, asked).fetchone()
    except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
        return None
    return bool(row and row[0])


def _fingerprint(secret: bytes) -> bytes:
    """Says nothing of the secret."""
    return hmac.digest(secret, PURPOSE, "sha256")
