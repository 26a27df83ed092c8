"""Row-level security: who does not say for whom it reads sees no patient."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.sql import SQL

from adapters.postgres.database import Database, connect_database
from adapters.postgres.direct import Cursor
from adapters.postgres.patients import SAME_PERSON, find_patient, register
from adapters.postgres.reads import read, read_by_cursor
from adapters.postgres.seeing import EVERYBODY, Sees
from adapters.postgres.transactions import serializable
from domain.actors import SYSTEM
from domain.errors import PatientNotFound
from domain.patients import Person
from tests.clinic_rows import Clinic, at
from tests.integration.conftest import as_application

pytestmark = pytest.mark.unmeasured

CALLERS = 100
SEEN = SQL("SELECT id FROM patients")
FILES = SQL("SELECT id FROM imports")
NAMING = SQL("""
SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'v', 'm') AND NOT a.attisdropped
  AND a.attname ~ '^(patient_name|email|birth_date|content)$'
""")


@pytest.fixture(scope="module")
async def application(clinic_database: Database) -> AsyncIterator[Database]:
    """Few connections, so that callers follow each other on one, as behind a pooler."""
    url = as_application(clinic_database.url)
    async with connect_database(
        url, pool_size=4, name="application", statement_seconds=60
    ) as database:
        yield database


async def ids(database: Database, statement: SQL, sees: Sees | None = None) -> set[UUID]:
    rows = await read_by_cursor(database, lambda cursor: cursor.all(statement, {}), sees)
    return {row["id"] for row in rows}


async def an_import(clinic: Clinic) -> UUID:
    import_id = uuid4()
    await clinic.execute(
        "INSERT INTO imports (id, clinic_id, kind, dry_run, content, actor, report)"
        " VALUES (:id, :clinic, 'text/csv', true, 'Anna', '{}', '{}')",
        id=import_id,
        clinic=clinic.id,
    )
    return import_id


async def test_raw_sql_of_the_application_reads_no_patient_without_a_context(
    application: Database, clinic: Clinic
) -> None:
    anna, file = await clinic.patient(), await an_import(clinic)

    assert (await ids(application, SEEN), await ids(application, FILES)) == (set(), set())
    assert anna in await ids(application, SEEN, EVERYBODY)
    assert file in await ids(application, FILES, EVERYBODY)


async def test_every_table_that_names_patients_is_secured(clinic_database: Database) -> None:
    async with clinic_database.lend() as connection:
        named = {name for (name,) in await (await connection.execute(NAMING)).fetchall()}
        found = await connection.execute(
            "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
        )
        secured = {name for (name,) in await found.fetchall()}

    assert named == secured == {"patients", "imports"}


async def test_a_context_ends_with_its_transaction(application: Database, clinic: Clinic) -> None:
    anna = await clinic.patient()
    url = application.url
    async with connect_database(url, pool_size=1, name="one connection") as alone:
        assert await ids(alone, SEEN, Sees.just([anna])) == {anna}
        assert await ids(alone, SEEN) == set()
        with pytest.raises(ZeroDivisionError):
            await read_by_cursor(alone, fails, EVERYBODY)
        assert await ids(alone, SEEN) == set()


async def fails(_: Cursor) -> None:
    raise ZeroDivisionError


async def test_nothing_is_written_of_whom_a_transaction_does_not_see(
    application: Database, clinic: Clinic
) -> None:
    anna, boris = await clinic.patient(), await clinic.patient()
    rename = SQL("UPDATE patients SET full_name = 'X' WHERE id = ANY(%(ids)s)")
    make = SQL("INSERT INTO patients (id, full_name, phone) VALUES (%(id)s, 'X', '+7')")

    async def work(connection: Cursor) -> int:
        return await connection.write(rename, {"ids": [anna, boris]})

    assert await serializable(application, work) == 0
    assert await serializable(application, work, sees=Sees.just([anna])) == 1
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await read_by_cursor(
            application, lambda cursor: cursor.write(make, {"id": uuid4()}), Sees.just([anna])
        )


async def test_a_doctor_sees_those_of_the_own_days(application: Database, clinic: Clinic) -> None:
    own, other = await clinic.patient(), await clinic.patient()
    practitioner = uuid4()
    doctor = await clinic.hire(practitioner_id=practitioner)
    await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=doctor)
    await clinic.hold(at("09:00"), doctor_id=doctor, patient_id=own)
    await clinic.hold(at("09:00"), patient_id=other)

    seen = await ids(application, SEEN, Sees(practitioner_ids=frozenset({practitioner})))

    assert seen == {own}


async def test_of_a_hundred_callers_on_few_connections_each_sees_the_own_record(
    application: Database, clinic: Clinic
) -> None:
    people = [await clinic.patient() for _ in range(CALLERS)]

    async def one(number: int, patient_id: UUID) -> bool:
        match number % 4:
            case 0:
                return await ids(application, SEEN, Sees.just([patient_id])) == {patient_id}
            case 1:
                return await ids(application, SEEN) == set()
            case 2:
                return set(people) <= await ids(application, SEEN, EVERYBODY)
            case _:
                with pytest.raises(PatientNotFound):
                    await read(
                        application,
                        lambda connection: find_patient(connection, patient_id),
                        Sees.just([people[number % CALLERS - 1]]),
                    )
                return True

    told = await asyncio.gather(*(one(*each) for each in enumerate(people * 3)))

    assert all(told)


async def test_a_known_person_is_found_by_the_index_over_names(
    application: Database,
) -> None:
    """Through a policy an index over an expression could not be searched.

    Where there is no letter to look for, that over telephones is as good, or both together.
    """
    person = Person(full_name=f"Anna {uuid4()}", phone="+79161234567", email=None, language="ru")
    made = await register(application, person, SYSTEM)
    asked = vars(person)
    scans = SQL(
        "SELECT pg_stat_get_xact_numscans('patients'::regclass) AS whole,"
        " pg_stat_get_xact_numscans('patients_name_idx'::regclass)"
        " + pg_stat_get_xact_numscans('patients_phone_idx'::regclass) AS by_index"
    )

    async def look(connection: Cursor) -> tuple[UUID, int, bool]:
        before = await connection.one(scans, {})
        found = await connection.one(SAME_PERSON, asked)
        after = await connection.one(scans, {})
        return (
            found["id"],
            after["whole"] - before["whole"],
            after["by_index"] > before["by_index"],
        )

    assert await serializable(application, look) == (made.patient_id, 0, True)
