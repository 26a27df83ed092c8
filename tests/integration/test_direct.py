"""Statements past SQLAlchemy: the same errors as through it, no connection worse than before."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.direct import Plain, plain, read_plainly, serializable_plainly, translated
from adapters.postgres.engine import (
    MAX_ATTEMPTS,
    TransactionLimit,
    connect_engine,
    serializable,
    sqlstate,
)
from api.http.answers import DATABASE_AWAY
from domain.errors import SlotTaken
from tests.clinic_rows import Clinic

POOL = 3

NAME = text("SELECT full_name FROM patients WHERE id = :id")
RENAME = text("UPDATE patients SET full_name = 'B' WHERE id = :id RETURNING id")
TWICE = text("INSERT INTO patients SELECT * FROM patients WHERE id = :id")
LEVEL = text("SHOW transaction_isolation")
BEGAN = text("SELECT now() AS at")
PID = text("SELECT pg_backend_pid() AS pid")
PID_SLOWLY = text("SELECT pg_backend_pid() AS pid, pg_sleep(0.2)")
SLEEP = text("SELECT pg_sleep(30) AS slept")
LOSE = text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$")
WRONG_WORDS = text("SELECT nothing FROM nowhere")
WRONG_VALUE = text("SELECT 1 / 0")
WRONG_KEY = text("INSERT INTO doctors (id) VALUES (NULL)")
TOO_LATE = text("SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(5)")
END_OTHERS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'plain'
"""


@pytest.fixture
async def engine(clinic: Clinic) -> AsyncIterator[AsyncEngine]:
    """An engine whose backends a test may end."""
    url = clinic.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    engine = connect_engine(url, pool_size=POOL, name="plain")
    yield engine
    await engine.dispose()


async def test_a_read_outlives_the_death_of_every_connection(
    engine: AsyncEngine, clinic: Clinic
) -> None:
    before = await asyncio.gather(*(read_plainly(engine, pid_slowly) for _ in range(POOL)))
    assert len(set(before)) == POOL

    await end_backends(clinic)

    assert await read_plainly(engine, pid) not in before


async def test_a_dead_connection_is_told_as_such(engine: AsyncEngine, clinic: Clinic) -> None:
    async with plain(engine) as connection:
        await pid(connection)
    await end_backends(clinic)

    with pytest.raises(DBAPIError) as told:
        async with plain(engine) as connection:
            await pid(connection)

    assert told.value.connection_invalidated
    async with plain(engine) as connection:
        assert await pid(connection)


async def test_a_server_that_is_away_is_told_as_such() -> None:
    engine = connect_engine("postgresql://priyom@127.0.0.1:1/priyom", pool_size=POOL, name="plain")

    with pytest.raises(OperationalError) as told:
        async with plain(engine):
            pytest.fail("nobody is there")

    assert isinstance(told.value, DATABASE_AWAY)
    assert not told.value.connection_invalidated
    await engine.dispose()


async def test_one_of_sqlalchemys_transactions_hands_on_a_connection_without_one(
    engine: AsyncEngine,
) -> None:
    """Nobody rolls back what is lent in AUTOCOMMIT: a stricter borrower has to put it back."""

    async def level(connection: AsyncConnection) -> str:
        found: str = (await connection.execute(LEVEL)).scalar_one()
        return found

    for _ in range(POOL):
        assert await serializable(engine, level) == "serializable"
        async with plain(engine) as connection:
            assert (await connection.one(LEVEL, {}))["transaction_isolation"] == "read committed"
            began = [(await connection.one(BEGAN, {}))["at"] for _ in range(2)]
            assert began[0] < began[1], "each statement is a transaction of its own"


async def test_a_broken_rule_is_an_integrity_error_without_data(
    engine: AsyncEngine, clinic: Clinic
) -> None:
    patient = await clinic.patient()

    with pytest.raises(IntegrityError) as told:
        async with plain(engine) as connection:
            await connection.one_or_none(TWICE, {"id": patient})

    assert sqlstate(told.value) == "23505"
    assert not told.value.connection_invalidated
    assert told.value.statement is None
    assert told.value.params is None


@pytest.mark.parametrize("wrong", [WRONG_WORDS, WRONG_VALUE, WRONG_KEY, TOO_LATE])
async def test_an_error_is_of_the_kind_that_sqlalchemy_raises(
    engine: AsyncEngine, wrong: TextClause
) -> None:
    with pytest.raises(DBAPIError) as by_sqlalchemy:
        async with engine.connect() as other:
            await other.execute(wrong)

    with pytest.raises(DBAPIError) as plainly:
        async with plain(engine) as connection:
            await connection.all(wrong, {})

    assert type(plainly.value) is type(by_sqlalchemy.value)
    assert sqlstate(plainly.value) == sqlstate(by_sqlalchemy.value)


def test_an_error_of_the_driver_alone_is_told_as_one_of_a_database_that_is_away() -> None:
    error = translated(psycopg.InterfaceError("the cursor is closed"), is_dead=False)

    assert isinstance(error, DATABASE_AWAY)


async def test_a_refusal_leaves_nothing_behind(engine: AsyncEngine, clinic: Clinic) -> None:
    patient = await clinic.patient()

    async def refuse(connection: Plain) -> None:
        await connection.one(RENAME, {"id": patient})
        raise SlotTaken

    with pytest.raises(SlotTaken):
        await serializable_plainly(engine, refuse, TransactionLimit(1))

    async with plain(engine) as connection:
        assert (await connection.one(NAME, {"id": patient}))["full_name"] == "A"


async def test_what_is_done_is_committed_as_serializable(
    engine: AsyncEngine, clinic: Clinic
) -> None:
    patient = await clinic.patient()

    async def rename(connection: Plain) -> str:
        await connection.one(RENAME, {"id": patient})
        level: str = (await connection.one(LEVEL, {}))["transaction_isolation"]
        return level

    assert await serializable_plainly(engine, rename, TransactionLimit(1)) == "serializable"
    async with clinic.engine.connect() as other:
        assert await other.scalar(NAME, {"id": patient}) == "B"


async def test_a_conflict_is_tried_again_until_it_has_lost_too_often(engine: AsyncEngine) -> None:
    tried = 0

    async def lose(connection: Plain) -> None:
        nonlocal tried
        tried += 1
        await connection.one_or_none(LOSE, {})

    with pytest.raises(OperationalError) as told:
        await serializable_plainly(engine, lose, TransactionLimit(1))

    assert sqlstate(told.value) == "40001"
    assert tried == MAX_ATTEMPTS


async def test_a_caller_who_leaves_in_the_middle_leaves_no_transaction_open(
    engine: AsyncEngine, clinic: Clinic
) -> None:
    left: list[int] = []

    async def sleep(connection: Plain) -> None:
        left.append(await pid(connection))
        await connection.one(SLEEP, {})

    for _ in range(POOL):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await serializable_plainly(engine, sleep, TransactionLimit(1))

    async with asyncio.timeout(5):
        lent = await asyncio.gather(*(read_plainly(engine, pid_slowly) for _ in range(POOL)))
    assert not set(lent) & set(left), "none of these goes back to the pool"
    async with clinic.engine.connect() as other:
        open_ones = text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name = 'plain' AND state <> 'idle'"
        )
        assert await other.scalar(open_ones) == 0


async def pid(connection: Plain) -> int:
    found: int = (await connection.one(PID, {}))["pid"]
    return found


async def pid_slowly(connection: Plain) -> int:
    """So that as many others need connections of their own."""
    found: int = (await connection.one(PID_SLOWLY, {}))["pid"]
    return found


async def end_backends(clinic: Clinic) -> None:
    async with clinic.engine.connect() as other:
        assert await other.scalar(text(END_OTHERS))
