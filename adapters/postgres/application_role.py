"""The role of the processes: it owns nothing, is no superuser, and only adds to the trail.

The migrations make it where they are given its password, and grant it what it needs of what is
there, behind each change of it. Its connections have the settings of every connection of ours also
where they cannot say so, behind a pooler.
"""

from typing import LiteralString

import psycopg
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Literal

from adapters.postgres.database import SETTINGS

APPLICATION: LiteralString = "priyom_app"

MAKE = SQL(f"""
DO $$
BEGIN
    CREATE ROLE {APPLICATION} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
EXCEPTION WHEN duplicate_object THEN NULL;
END
$$
""")

# A role that somebody else made may be out of the owner's reach.
SET = SQL(f"""
DO $$
BEGIN
    EXECUTE format('ALTER ROLE {APPLICATION} SET %I = %L', {{}}, {{}});
EXCEPTION WHEN undefined_object OR insufficient_privilege THEN NULL;
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
    IF to_regproc('forget_trail') IS NOT NULL THEN
        GRANT EXECUTE ON FUNCTION forget_trail TO {APPLICATION};
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
    for name, value in SETTINGS.items():
        owner.execute(SET.format(Literal(name), Literal(value)))
    owner.commit()
