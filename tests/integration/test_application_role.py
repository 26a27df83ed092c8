"""The processes' role works with every table, owns none, and cannot change the trail."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from activities.slots import Slots
from adapters.postgres.database import SETTINGS, Database, connect_database
from domain.booking import Status
from stack.embedded import embedded_postgres
from stack.home import CHECKOUT
from tests.clinic_rows import Clinic, open_clinic
from tests.integration.conftest import APPLICATION_PASSWORD, as_application
from tests.integration.test_slots import a_wish


async def migrate(url: str, *, password: str, to: str = "head") -> None:
    migration = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "alembic", "upgrade", to),
        cwd=CHECKOUT,
        env={**os.environ, "DATABASE_URL": url, "APPLICATION_PASSWORD": password},
    )
    assert await migration.wait() == 0


@pytest.fixture(scope="module")
async def application(scratch: Database) -> AsyncIterator[Database]:
    for password in ("an old password", APPLICATION_PASSWORD, ""):
        await migrate(scratch.url, password=password)
    async with connect_database(
        as_application(scratch.url), pool_size=2, name="application"
    ) as database:
        yield database


@pytest.fixture
async def owned(scratch: Database) -> Clinic:
    return await open_clinic(scratch)


async def test_the_application_owns_nothing_and_is_no_superuser(application: Database) -> None:
    async with application.lend() as connection:
        rights = await connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls,"
            " EXISTS (SELECT FROM pg_class WHERE relowner = r.oid)"
            " FROM pg_roles r WHERE rolname = current_user"
        )

        assert await rights.fetchone() == (False, False, False, False, False)


async def test_the_application_holds_a_slot(application: Database, owned: Clinic) -> None:
    held = await Slots(application).hold_slot(await a_wish(owned))

    assert held.appointment.status is Status.HELD


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit",
        "UPDATE audit SET actor = 'somebody else'",
        "TRUNCATE audit_seals",
        "UPDATE alembic_version SET version_num = '0001'",
        "UPDATE patient_facts SET time_zone = NULL",
        "DROP TABLE moves",
        "DROP POLICY patients_seen ON patients",
        "ALTER TABLE patients DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE schedules DROP CONSTRAINT schedules_doctor_free",
        "CREATE TABLE mine (id integer)",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SET session_replication_role = replica",
    ],
)
async def test_the_application_can_change_neither_rules_nor_trail(
    application: Database, statement: str
) -> None:
    async with application.lend() as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(statement)


async def test_the_application_has_the_trail_forget_what_is_old_and_nothing_else(
    application: Database, owned: Clinic
) -> None:
    await owned.patient()

    async with application.lend() as connection:
        found = await connection.execute("SELECT forget_trail('0')")

        assert await found.fetchone() == (0,)


async def test_the_applications_connections_have_our_settings_without_saying_so(
    application: Database,
) -> None:
    """As behind a pooler, which hands none on."""
    async with await psycopg.AsyncConnection.connect(application.url) as connection:
        told = {
            name: (await (await connection.execute(f"SHOW {name}".encode())).fetchone() or ())[0]
            for name in SETTINGS
        }

    assert told == SETTINGS | {
        "statement_timeout": "4s",
        "lock_timeout": "2s",
        "datestyle": "ISO, MDY",
    }


async def test_migrations_grant_what_they_add_in_the_run_that_adds_it(tmp_path: Path) -> None:
    """From nothing, in one run: no later run comes to the aid of the rights."""
    async with embedded_postgres(tmp_path) as url:
        await migrate(url, password=APPLICATION_PASSWORD)
        async with await psycopg.AsyncConnection.connect(as_application(url)) as connection:
            without = await connection.execute(
                "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname = 'public' AND relkind IN ('r', 'v')"
                " AND NOT has_table_privilege(c.oid, 'SELECT')"
            )
            assert await without.fetchall() == []
            for delete in ("DELETE FROM audit", "DELETE FROM audit_seals"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    await connection.execute(delete)
                await connection.rollback()
