"""Runs the migrations against DATABASE_URL, forward only, giving up quickly on a busy table."""

import sys
import time

import psycopg
from alembic import context
from sqlalchemy import Connection, create_engine, make_url, text

from adapters.postgres.application_role import let_application_in
from adapters.postgres.tables import HOLDS_BY_END, IN_SHIFT, VISIT_ONCE, VISITS_BY_START, metadata
from adapters.process.connection_settings import Connections
from adapters.process.settings import BadSettings, connections

# A migration that waits for a lock makes every booking wait behind it: better fail and try again.
LOCK_TIMEOUT = "5s"
# One migration at a time, whoever starts it (api, compose job, supervisor).
ADVISORY_LOCK = 7_465_616
TURN_ASKED_EVERY_SECONDS = 0.2


# Alembic's comparison cannot see a temporal foreign key (PERIOD), and takes an expression that
# PostgreSQL writes down in its own way for another one: the migrations own these.
NOT_COMPARED = {IN_SHIFT, HOLDS_BY_END, VISIT_ONCE, VISITS_BY_START}


def is_compared(_object: object, name: str | None, *_context: object) -> bool:
    return name not in NOT_COMPARED


def run() -> None:
    engine = create_engine(make_url(_settings().session_url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        wait_for_turn(connection)
        context.configure(
            connection=connection,
            target_metadata=metadata,
            include_object=is_compared,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        grant(connection)
    engine.dispose()


def grant(connection: Connection) -> None:
    """Rights follow the tables: what a migration has added is granted behind it."""
    driver = connection.connection.driver_connection
    if isinstance(driver, psycopg.Connection):
        let_application_in(driver, _settings().application_password.get_secret_value())


def wait_for_turn(connection: Connection) -> None:
    """Ask again and again: an index that is built concurrently waits for every open statement, so
    one that waited for the lock would wait for the index, and the index for it."""
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_LOCK}):
        connection.commit()
        time.sleep(TURN_ASKED_EVERY_SECONDS)
    connection.commit()


def _settings() -> Connections:
    try:
        return connections()
    except BadSettings as error:
        sys.stderr.write(f"migrations: {error}\n")
        raise SystemExit(2) from None


run()
