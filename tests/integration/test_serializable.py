"""A transaction that PostgreSQL could not serialize is run again, whole; any other fault is not."""

import asyncio

import psycopg
import pytest
from psycopg.sql import SQL

from adapters.postgres.database import Database, connect_database
from adapters.postgres.direct import Cursor, cursor
from adapters.postgres.transactions import MAX_ATTEMPTS, TransactionLimit, serializable

LEVEL = SQL("SHOW transaction_isolation")
PREPARED = SQL("SELECT prepare_time FROM pg_prepared_statements WHERE statement = %(statement)s")


class Troubled:
    """Work that PostgreSQL itself breaks off with this state, so many times."""

    def __init__(self, state: str, times: int) -> None:
        self.state = state
        self.times = times
        self.tried = 0

    async def __call__(self, connection: Cursor) -> str:
        self.tried += 1
        if self.tried <= self.times:
            broken = f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{self.state}'; END $$"
            await connection.write(SQL(broken), {})
        return str((await connection.one(LEVEL, {}))["transaction_isolation"])


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_a_conflict_is_tried_again(clinic_database: Database, state: str) -> None:
    work = Troubled(state, times=3)

    assert await serializable(clinic_database, work) == "serializable"
    assert work.tried == 4


async def test_what_a_connection_has_prepared_outlives_a_conflict(
    clinic_database: Database,
) -> None:
    async with connect_database(clinic_database.url, pool_size=1, name="one") as database:
        await serializable(database, Troubled("40001", times=0))
        before = await prepared_at(database)

        await serializable(database, Troubled("40001", times=1))

        assert await prepared_at(database) == before


async def prepared_at(database: Database) -> object:
    async with cursor(database) as connection:
        return (await connection.one(PREPARED, {"statement": LEVEL.as_string()}))["prepare_time"]


async def test_a_conflict_that_stays_is_told(clinic_database: Database) -> None:
    work = Troubled("40001", times=1000)

    with pytest.raises(psycopg.Error) as told:
        await serializable(clinic_database, work)

    assert told.value.sqlstate == "40001"
    assert work.tried == MAX_ATTEMPTS


async def test_another_fault_is_told_at_once(clinic_database: Database) -> None:
    work = Troubled("23514", times=1000)

    with pytest.raises(psycopg.Error):
        await serializable(clinic_database, work)

    assert work.tried == 1


async def test_one_who_keeps_losing_runs_alone() -> None:
    turns = TransactionLimit(3)
    company, most, alone = 0, 0, []

    async def run(*, is_alone: bool) -> None:
        nonlocal company, most
        async with turns.turn(alone=is_alone):
            company += 1
            most = max(most, company)
            await asyncio.sleep(0.001)
            if is_alone:
                alone.append(company)
            company -= 1

    async with asyncio.timeout(10):
        await asyncio.gather(*(run(is_alone=number % 4 == 0) for number in range(20)))

    assert (most, alone) == (3, [1] * 5)
