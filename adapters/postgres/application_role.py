"""The role of the processes: it owns nothing, is no superuser, and only adds to the trail.

The migrations make it where they are given its password, and grant it what it needs of what is
there, behind each change of it.
"""

from typing import LiteralString

import psycopg
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Literal

APPLICATION: LiteralString = "priyom_app"

MAKE = SQL(f"""
DO $$
BEGIN
    CREATE ROLE {APPLICATION} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
EXCEPTION WHEN duplicate_object THEN NULL;
END
$$
""")

GIVE_PASSWORD = SQL(f"ALTER ROLE {APPLICATION} LOGIN PASSWORD {{}}")

LET_IN = SQL(f"""
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APPLICATION}') THEN
        RETURN;
    END IF;
    GRANT USAGE ON SCHEMA public TO {APPLICATION};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APPLICATION};
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {APPLICATION};
    REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {APPLICATION};
    IF to_regclass('patient_facts') IS NOT NULL THEN
        REVOKE INSERT, UPDATE, DELETE ON patient_facts FROM {APPLICATION};
    END IF;
    IF to_regclass('audit') IS NOT NULL THEN
        REVOKE UPDATE, DELETE ON audit, audit_seals FROM {APPLICATION};
    END IF;
END
$$
""")  # noqa: S608 - our own words


def let_application_in(owner: psycopg.Connection[TupleRow], password: str) -> None:
    """A role that somebody made keeps its own password where none is given.

    The server is told the password's verifier only: a statement may stand in its log.
    """
    if password:
        owner.execute(MAKE)
        made = owner.pgconn.encrypt_password(
            password.encode(), APPLICATION.encode(), b"scram-sha-256"
        )
        owner.execute(GIVE_PASSWORD.format(Literal(made.decode())))
    owner.execute(LET_IN)
    owner.commit()
