"""One pool for psycopg's cursor and SQLAlchemy: the same errors, and no connection is lost."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest
from psycopg.sql import SQL
from psycopg_pool import PoolTimeout
from sqlalchemy import text

from adapters.postgres.database import (
    DATABASE_AWAY,
    Connection,
    ConnectionDied,
    Database,
    connect_database,
)
from adapters.postgres.direct import Cursor, cursor
from adapters.postgres.reads import read, read_by_cursor
from adapters.postgres.transactions import MAX_ATTEMPTS, TransactionLimit, serializable
from domain.errors import SlotTaken
from stack.accounts import unprivileged_account
from stack.embedded import running, temporary_folder
from stack.ports import Ports
from stack.servers import postgres
from tests.clinic_rows import Clinic

POOL = 3

NAME = SQL("SELECT full_name FROM patients WHERE id = %(id)s")
RENAME = SQL("UPDATE patients SET full_name = 'B' WHERE id = %(id)s RETURNING id")
TWICE = SQL("INSERT INTO patients SELECT * FROM patients WHERE id = %(id)s")
LEVEL = SQL("SHOW transaction_isolation")
PID = SQL("SELECT pg_backend_pid() AS pid")
SLEEP = SQL("SELECT pg_sleep(30) AS slept")
PREPARED = SQL(
    "SELECT count(*) AS count FROM pg_prepared_statements WHERE statement = %(statement)s"
)
LOSE = SQL("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$")
WRONG_WORDS = "SELECT nothing FROM nowhere"
WRONG_VALUE = "SELECT 1 / 0"
WRONG_KEY = "INSERT INTO doctors (id) VALUES (NULL)"
TOO_LATE = "SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(5)"
END_OTHERS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'plain'
"""
ASLEEP = """
SELECT count(*) FROM pg_stat_activity WHERE application_name = 'plain' AND wait_event = 'PgSleep'
"""
NOT_IDLE = """
SELECT count(*) FROM pg_stat_activity WHERE application_name = 'plain' AND state <> 'idle'
"""


@pytest.fixture
async def database(clinic: Clinic) -> AsyncIterator[Database]:
    """One whose backends a test may end."""
    async with connect_database(clinic.database.url, pool_size=POOL, name="plain") as database:
        yield database


class Borrower(Protocol):
    """Runs a statement that has one value, on a connection of the pool."""

    async def __call__(self, database: Database, statement: str) -> object: ...


async def by_sqlalchemy(database: Database, statement: str) -> object:
    async with database.connect() as connection:
        return (await connection.execute(text(statement))).scalar_one()


async def by_psycopg(database: Database, statement: str) -> object:
    async with database.lend() as connection:
        row = await (await connection.execute(statement.encode())).fetchone()
        assert row is not None
        return row[0]


async def read_by_sqlalchemy(database: Database, statement: str) -> object:
    async def ask(connection: Connection) -> object:
        return (await connection.execute(text(statement))).scalar_one()

    return await read(database, ask)


async def read_by_psycopg(database: Database, statement: str) -> object:
    async def ask(connection: Cursor) -> object:
        return (await connection.one(SQL(f"SELECT ({statement}) AS found"), {}))["found"]

    return await read_by_cursor(database, ask)


both = pytest.mark.parametrize("run", [by_sqlalchemy, by_psycopg])
both_reads = pytest.mark.parametrize("run", [read_by_sqlalchemy, read_by_psycopg])


@both_reads
async def test_a_read_outlives_the_death_of_every_connection(
    database: Database, clinic: Clinic, run: Borrower
) -> None:
    before = await every_backend(database)
    assert len(before) == POOL

    await end_backends(clinic)

    assert await run(database, "SELECT pg_backend_pid()") not in before


@both
async def test_a_connection_that_died_is_replaced_in_the_pool(
    database: Database, clinic: Clinic, run: Borrower
) -> None:
    """More often than there is room in the pool: no place in it is lost."""
    for _ in range(POOL + 1):
        await every_backend(database)
        await end_backends(clinic)
        with pytest.raises(ConnectionDied):
            await run(database, "SELECT 1")

    assert len(await every_backend(database)) == POOL


async def test_a_server_that_is_away_is_told_as_such() -> None:
    url = "postgresql://priyom@127.0.0.1:1/priyom"
    async with connect_database(
        url, pool_size=POOL, name="plain", statement_seconds=0.2
    ) as database:
        for run in (by_sqlalchemy, by_psycopg):
            with pytest.raises(DATABASE_AWAY):
                await run(database, "SELECT 1")


@both
async def test_who_finds_no_connection_free_is_told_so_in_time(
    clinic: Clinic, run: Borrower
) -> None:
    async with connect_database(
        clinic.database.url, pool_size=1, name="plain", statement_seconds=0.2
    ) as database:
        await database.pool.wait()  # to connect may take longer than that
        async with database.lend():
            with pytest.raises(PoolTimeout) as told:
                await run(database, "SELECT 1")

    assert isinstance(told.value, DATABASE_AWAY)


async def test_a_broken_rule_is_an_integrity_error(database: Database, clinic: Clinic) -> None:
    patient = await clinic.patient()

    with pytest.raises(psycopg.errors.UniqueViolation):
        async with cursor(database) as connection:
            await connection.write(TWICE, {"id": patient})


@pytest.mark.parametrize("wrong", [WRONG_WORDS, WRONG_VALUE, WRONG_KEY, TOO_LATE])
async def test_an_error_is_psycopgs_own_whoever_runs_the_statement(
    database: Database, wrong: str
) -> None:
    told = []
    for run in (by_sqlalchemy, by_psycopg):
        with pytest.raises(psycopg.Error) as error:
            await run(database, wrong)
        told.append(type(error.value))

    assert told[0] is told[1]


async def test_a_refusal_leaves_nothing_behind(database: Database, clinic: Clinic) -> None:
    patient = await clinic.patient()

    async def refuse(connection: Cursor) -> None:
        await connection.one(RENAME, {"id": patient})
        raise SlotTaken

    with pytest.raises(SlotTaken):
        await serializable(database, refuse, TransactionLimit(1))

    async with cursor(database) as connection:
        assert (await connection.one(NAME, {"id": patient}))["full_name"] == "A"
        assert (await connection.one(LEVEL, {}))["transaction_isolation"] == "read committed"


async def test_what_is_done_is_committed_as_serializable(
    database: Database, clinic: Clinic
) -> None:
    patient = await clinic.patient()

    async def rename(connection: Cursor) -> str:
        await connection.one(RENAME, {"id": patient})
        level: str = (await connection.one(LEVEL, {}))["transaction_isolation"]
        return level

    assert await serializable(database, rename, TransactionLimit(1)) == "serializable"
    async with cursor(clinic.database) as other:
        assert (await other.one(NAME, {"id": patient}))["full_name"] == "B"


async def test_a_conflict_is_tried_again_until_it_has_lost_too_often(database: Database) -> None:
    tried = 0

    async def lose(connection: Cursor) -> None:
        nonlocal tried
        tried += 1
        await connection.write(LOSE, {})

    with pytest.raises(psycopg.errors.SerializationFailure):
        await serializable(database, lose, TransactionLimit(1))

    assert tried == MAX_ATTEMPTS


async def test_a_lost_transaction_keeps_what_its_connection_has_prepared(clinic: Clinic) -> None:
    """To plan it anew would cost more than to run it."""
    kept: list[int] = []

    async def lose(connection: Cursor) -> None:
        kept.append((await connection.one(PREPARED, {"statement": LEVEL.as_string()}))["count"])
        await connection.one(LEVEL, {})
        await connection.write(LOSE, {})

    async with connect_database(clinic.database.url, pool_size=1, name="plain") as database:
        with pytest.raises(psycopg.errors.SerializationFailure):
            await serializable(database, lose, TransactionLimit(1))

    assert kept == [0] + [1] * (MAX_ATTEMPTS - 1)


async def leaves_asleep(beside: Database, asked: asyncio.Task[Any]) -> None:
    """The caller goes while its statement sleeps."""
    async with asyncio.timeout(4):
        while not await by_psycopg(beside, ASLEEP):  # noqa: ASYNC110 - no event is set
            await asyncio.sleep(0.01)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked


async def test_a_caller_who_leaves_in_the_middle_leaves_no_transaction_open(
    database: Database, clinic: Clinic
) -> None:
    async def sleep(connection: Cursor) -> None:
        await connection.one(SLEEP, {})

    for _ in range(POOL + 1):
        asked = asyncio.create_task(serializable(database, sleep, TransactionLimit(1)))
        await leaves_asleep(clinic.database, asked)

    async with asyncio.timeout(5):
        assert len(await every_backend(database)) == POOL
    assert await by_psycopg(clinic.database, NOT_IDLE) == 0


@both
async def test_a_caller_who_leaves_in_the_middle_keeps_no_connection(
    database: Database, clinic: Clinic, run: Borrower
) -> None:
    for _ in range(POOL + 1):
        asked = asyncio.create_task(run(database, "SELECT pg_sleep(30)"))
        await leaves_asleep(clinic.database, asked)

    async with asyncio.timeout(5):
        assert len(await every_backend(database)) == POOL


@both_reads
@pytest.mark.usefixtures("measured")
async def test_a_migration_that_changes_a_type_is_seen_by_no_reader(
    database: Database, clinic: Clinic, run: Borrower
) -> None:
    for _ in range(5 * POOL):
        assert await run(database, "SELECT size FROM measured") == 1

    await clinic.execute("ALTER TABLE measured ALTER size TYPE text")

    told = [await run(database, "SELECT size FROM measured") for _ in range(5 * POOL)]
    assert set(told) == {"1"}


@pytest.mark.usefixtures("measured")
async def test_a_migration_that_changes_a_type_is_seen_by_no_transaction(
    database: Database, clinic: Clinic
) -> None:
    size = SQL("SELECT size FROM measured")

    async def ask(connection: Cursor) -> object:
        return (await connection.one(size, {}))["size"]

    for _ in range(5 * POOL):
        await serializable(database, ask)

    await clinic.execute("ALTER TABLE measured ALTER size TYPE text")

    assert {await serializable(database, ask) for _ in range(5 * POOL)} == {"1"}


@pytest.fixture
async def measured(clinic: Clinic) -> AsyncIterator[None]:
    await clinic.execute("CREATE TABLE measured AS SELECT 1 AS size")
    yield
    await clinic.execute("DROP TABLE measured")


@both
async def test_times_are_read_whatever_style_an_administrator_likes(
    clinic: Clinic, run: Borrower
) -> None:
    await clinic.execute("ALTER ROLE CURRENT_USER SET datestyle = 'SQL, DMY'")
    await clinic.execute("ALTER ROLE CURRENT_USER SET intervalstyle = 'iso_8601'")
    try:
        async with connect_database(clinic.database.url, pool_size=1, name="plain") as database:
            assert await run(database, "SELECT clock_timestamp() > '2026-01-01'::timestamptz")
            moment = await run(database, "SELECT '2026-01-02 03:04:05+00'::timestamptz")
            assert str(moment) == "2026-01-02 03:04:05+00:00"
            assert str(await run(database, "SELECT interval '2 hours'")) == "2:00:00"
    finally:
        await clinic.execute("ALTER ROLE CURRENT_USER RESET ALL")


async def test_sqlalchemy_leaves_nothing_on_a_connection_that_it_borrowed(
    clinic: Clinic,
) -> None:
    """A handler of notices that was added at each loan would be called as often."""
    async with connect_database(clinic.database.url, pool_size=1, name="plain") as database:
        for _ in range(5):
            await by_sqlalchemy(database, "SELECT 1")
        heard: list[object] = []
        async with database.lend() as connection:
            connection.add_notice_handler(heard.append)
            connection.add_notice_handler(heard.append)
            await connection.execute("DO $$ BEGIN RAISE NOTICE 'hear'; END $$")
            assert connection.autocommit

    assert len(heard) == 1


async def test_a_server_that_is_back_is_found_by_the_next_caller(tmp_path: Path) -> None:
    """Also by those who waited in vain while it was away."""
    account, password = unprivileged_account(), secrets.token_hex(8)
    with temporary_folder(account, tmp_path) as place, taken_port() as port:
        data = await asyncio.to_thread(postgres.initialise, place, password, account, durable=False)
        program = postgres.program(data, port, password, durable=False)
        url = postgres.address(port, password)
        async with connect_database(
            url, pool_size=POOL, name="plain", statement_seconds=1
        ) as database:
            async with running(program, tmp_path):
                assert len(await every_backend(database)) == POOL
            for run in (read_by_sqlalchemy, read_by_psycopg) * POOL:
                with pytest.raises(DATABASE_AWAY):
                    await run(database, "SELECT 1")
            async with running(program, tmp_path):
                assert await read_by_psycopg(database, "SELECT 1") == 1
                assert await read_by_sqlalchemy(database, "SELECT 1") == 1
                assert len(await every_backend(database)) == POOL


@contextmanager
def taken_port() -> Iterator[int]:
    ports = Ports()
    try:
        yield ports.take()
    finally:
        ports.release()


async def every_backend(database: Database) -> set[object]:
    """Those of the pool, all of it borrowed at once: raises if a place in it was lost."""
    async with AsyncExitStack() as borrowed:
        lent = [await borrowed.enter_async_context(cursor(database)) for _ in range(POOL)]
        return {(await connection.one(PID, {}))["pid"] for connection in lent}


async def end_backends(clinic: Clinic) -> None:
    await by_psycopg(clinic.database, END_OTHERS)
