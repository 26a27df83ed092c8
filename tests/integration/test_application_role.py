"""The processes' role works with every table, owns none, and cannot change the trail."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import psycopg
import pytest

from activities.slots import Slots
from adapters.postgres.application_role import APPLICATION
from adapters.postgres.database import Database, connect_database
from domain.booking import Status
from stack.home import CHECKOUT
from tests.clinic_rows import Clinic, open_clinic
from tests.integration.test_slots import a_wish

PASSWORD = "of the application"  # noqa: S105 - of a database that a test throws away


@pytest.fixture(scope="module")
async def application(scratch: Database) -> AsyncIterator[Database]:
    for password in ("an old password", PASSWORD, ""):
        granting = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "alembic", "upgrade", "head"),
            cwd=CHECKOUT,
            env={**os.environ, "DATABASE_URL": scratch.url, "APPLICATION_PASSWORD": password},
        )
        assert await granting.wait() == 0
    parts = urlsplit(scratch.url)
    netloc = f"{APPLICATION}:{PASSWORD.replace(' ', '%20')}@{parts.hostname}:{parts.port}"
    url = parts._replace(netloc=netloc).geturl()
    async with connect_database(url, pool_size=2, name="application") as database:
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
        "DROP TABLE moves",
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
