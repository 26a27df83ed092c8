"""Runs the migrations against DATABASE_URL, forward only, giving up quickly on a busy table."""

import sys

from alembic import context
from sqlalchemy import create_engine, text

from adapters.postgres import sqlalchemy_url
from adapters.settings import BadSettings, connections
from adapters.tables import IN_SHIFT, metadata

# A migration that waits for a lock makes every booking wait behind it: better fail and try again.
LOCK_TIMEOUT = "5s"
# One migration at a time, whoever starts it (api, compose job, supervisor).
ADVISORY_LOCK = 7_465_616


# Alembic's comparison cannot see a temporal foreign key (PERIOD); the migration owns it.
TEMPORAL_FOREIGN_KEYS = {IN_SHIFT}


def is_compared(_object: object, name: str | None, *_context: object) -> bool:
    return name not in TEMPORAL_FOREIGN_KEYS


def run() -> None:
    engine = create_engine(sqlalchemy_url(_database_url()))
    with engine.connect() as connection:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
        connection.commit()
        context.configure(
            connection=connection, target_metadata=metadata, include_object=is_compared
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


def _database_url() -> str:
    try:
        return connections().database_url
    except BadSettings as error:
        sys.stderr.write(f"migrations: {error}\n")
        raise SystemExit(2) from None


run()
