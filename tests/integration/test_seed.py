"""The seed on a real database: it adds what is missing, and nothing else."""

from collections.abc import AsyncIterator
from typing import LiteralString

import psycopg
import pytest

from adapters.postgres.database import Database
from stack.seed import SeedReport, seed
from stack.seed_data import NAMED_DOCTORS
from tests.integration.audit_rows import scratch_database

NOTHING = SeedReport(clinics=0, doctors=0, patients=0, shifts=0)


@pytest.fixture(scope="module")
async def server(clinic_database: Database) -> AsyncIterator[str]:
    async with scratch_database(clinic_database) as scratch:
        yield scratch.url


@pytest.fixture
async def database(server: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """A connection to an empty clinic."""
    async with await psycopg.AsyncConnection.connect(server, autocommit=True) as connection:
        await connection.execute("TRUNCATE clinics, patients CASCADE")
        yield connection


async def rows(database: psycopg.AsyncConnection, query: LiteralString) -> list[tuple[object, ...]]:
    return await (await database.execute(query)).fetchall()


async def test_a_second_run_adds_nothing(server: str, database: psycopg.AsyncConnection) -> None:
    first = await seed(server)
    before = await rows(database, "SELECT doctor_id, during, revision FROM shifts ORDER BY 1, 2")

    second = await seed(server)

    assert first.clinics >= 3
    assert first.doctors == len(NAMED_DOCTORS) >= 12
    assert first.patients >= 300
    assert first.shifts >= 12 * 12
    assert second == NOTHING
    assert before == await rows(
        database, "SELECT doctor_id, during, revision FROM shifts ORDER BY 1, 2"
    )


@pytest.mark.usefixtures("database")
async def test_more_days_add_only_the_days_that_are_missing(server: str) -> None:
    week = await seed(server, days=7)

    two_weeks = await seed(server, days=14)

    assert two_weeks.shifts == week.shifts
    assert two_weeks == SeedReport(clinics=0, doctors=0, patients=0, shifts=week.shifts)


async def test_thousands_of_doctors_are_added_beside_the_named_ones(
    server: str, database: psycopg.AsyncConnection
) -> None:
    await seed(server)

    added = await seed(server, doctors=1000)

    assert added.doctors == 1000 - len(NAMED_DOCTORS)
    assert await seed(server, doctors=1000) == NOTHING
    ((without_shift,),) = await rows(
        database, "SELECT count(*) FROM doctors WHERE id NOT IN (SELECT doctor_id FROM shifts)"
    )
    assert without_shift == 0


async def test_what_the_clinic_changed_stays_as_it_is(
    server: str, database: psycopg.AsyncConnection
) -> None:
    await seed(server)
    await database.execute("UPDATE doctors SET full_name = 'Renamed', slot_minutes = 45")
    await database.execute("UPDATE patients SET phone = '+70009999999'")
    await database.execute(
        "UPDATE shifts SET during = tstzrange(lower(during), upper(during) - interval '1 hour')"
    )
    before = await rows(database, "SELECT doctor_id, during, revision FROM shifts ORDER BY 1, 2")

    assert await seed(server) == NOTHING

    assert before == await rows(
        database, "SELECT doctor_id, during, revision FROM shifts ORDER BY 1, 2"
    )
    assert await rows(database, "SELECT DISTINCT full_name, slot_minutes FROM doctors") == [
        ("Renamed", 45)
    ]
    assert await rows(database, "SELECT DISTINCT phone FROM patients") == [("+70009999999",)]


async def test_a_booked_visit_outlives_another_run(
    server: str, database: psycopg.AsyncConnection
) -> None:
    await seed(server)
    await database.execute(
        """
        INSERT INTO schedules (id, patient_id, doctor_id, starts_at, ends_at, status)
        SELECT gen_random_uuid(), (SELECT id FROM patients LIMIT 1), doctor_id, lower(during),
               lower(during) + interval '15 minutes', 'confirmed'
        FROM shifts LIMIT 1
        """
    )

    assert await seed(server) == NOTHING

    assert await rows(database, "SELECT status, version FROM schedules") == [("confirmed", 1)]
