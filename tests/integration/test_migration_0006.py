"""Migration 0006 while the build before it books: nothing is lost, and that build goes on."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from adapters.postgres.database import Database
from tests.clinic_rows import at
from tests.integration import before_0006 as old

ROOT = Path(__file__).parents[2]
HALF_AN_HOUR = timedelta(minutes=30)
PATIENTS = 8
PATIENCE = "2s"
"""How long that build waits for a lock before it tries again (`connect_engine`)."""

Row = dict[str, Any]


class OldBuild:
    """One process of the build before: its connection, its statements, its patience."""

    def __init__(self, connection: psycopg.AsyncConnection[Row]) -> None:
        self.connection = connection
        self.longest_wait = 0.0

    async def ask(self, statement: str, **values: object) -> Row | None:
        """As the product does: what could not be locked in time is tried again."""
        begun = time.monotonic()
        while True:
            try:
                found = await self.connection.execute(statement.encode(), values)
                return await found.fetchone() if found.description else None
            except psycopg.errors.LockNotAvailable:
                continue
            finally:
                self.longest_wait = max(self.longest_wait, time.monotonic() - begun)

    async def doctor(self) -> Row:
        """With a shift of one day; written as in the first release."""
        clinic, doctor = uuid4(), uuid4()
        await self.ask(
            "INSERT INTO clinics (id, name, address, time_zone)"
            " VALUES (%(id)s, 'A', 'B', 'Europe/Moscow')",
            id=clinic,
        )
        found = await self.ask(
            "INSERT INTO doctors (id, practitioner_id, full_name, specialty, clinic_id)"
            " VALUES (%(id)s, %(id)s, 'C', 'D', %(clinic)s)"
            " RETURNING id AS doctor_id, practitioner_id, clinic_id",
            id=doctor,
            clinic=clinic,
        )
        assert found is not None
        day = {"starts_at": at("08:00"), "ends_at": at("20:00")}
        await self.ask(old.ADD_SHIFT, doctor_id=doctor, **day)
        return found

    async def hold(self, doctor: Row, starts_at: datetime, *, patient: UUID | None = None) -> UUID:
        visit = await self.tries_to_hold(doctor, starts_at, patient=patient)
        assert visit is not None
        return visit

    async def tries_to_hold(
        self, doctor: Row, starts_at: datetime, *, patient: UUID | None = None
    ) -> UUID | None:
        if patient is None:
            patient = uuid4()
            await self.ask(
                "INSERT INTO patients (id, full_name, phone, email)"
                " VALUES (%(id)s, 'E', '+7', 'f')",
                id=patient,
            )
        row = await self.ask(
            old.TAKE_SLOT,
            appointment_id=uuid4(),
            patient_id=patient,
            starts_at=starts_at,
            ends_at=starts_at + HALF_AN_HOUR,
            **doctor,
        )
        return None if row is None else row["id"]

    async def confirm(self, visit: UUID) -> None:
        assert await self.ask(old.CONFIRM, appointment_id=visit) is not None

    async def cancel(self, visit: UUID, version: int) -> None:
        assert await self.ask(old.CANCEL, appointment_id=visit, version=version) is not None

    async def row(self, visit: UUID) -> Row:
        query = b"SELECT * FROM schedules WHERE id = %s"
        found = await (await self.connection.execute(query, [visit], prepare=False)).fetchone()
        assert found is not None
        return found


@pytest.fixture
async def database(clinic_database: Database) -> AsyncIterator[str]:
    """A database as the build before it has it."""
    name = f"before_{uuid4().hex[:8]}"
    server = clinic_database.url
    async with await psycopg.AsyncConnection.connect(server, autocommit=True) as connection:
        await connection.execute(f"CREATE DATABASE {name}".encode())
        url = urlsplit(server)._replace(path=name).geturl()
        await migrate(url, "0005")
        yield url
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
async def build(database: str) -> AsyncIterator[OldBuild]:
    async with await started(database) as connection:
        yield OldBuild(connection)


async def started(database: str) -> psycopg.AsyncConnection[Row]:
    return await psycopg.AsyncConnection[Row].connect(
        database,
        autocommit=True,
        row_factory=dict_row,
        prepare_threshold=2,
        options=f"-c timezone=UTC -c lock_timeout={PATIENCE}",
    )


async def migrate(database: str, revision: str) -> None:
    migration = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "alembic", "upgrade", revision),
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database},
    )
    assert await migration.wait() == 0


async def test_the_past_keeps_the_versions_of_its_changes(database: str, build: OldBuild) -> None:
    doctor = await build.doctor()
    held, given_up, confirmed, cancelled = [
        await build.hold(doctor, at(clock)) for clock in ("09:00", "09:30", "10:00", "10:30")
    ]
    await build.ask(old.RELEASE, appointment_id=given_up)
    for visit in (confirmed, cancelled):
        await build.confirm(visit)
    await build.cancel(cancelled, 2)
    before = [await build.row(visit) for visit in (held, given_up, confirmed, cancelled)]

    await migrate(database, "head")

    after = [await build.row(visit) for visit in (held, given_up, confirmed, cancelled)]
    kept = [(row["confirmed_version"], row["cancelled_version"]) for row in after]
    assert kept == [(None, None), (None, None), (2, None), (2, 3)]
    assert [row | old_row for row, old_row in zip(after, before, strict=True)] == after


async def test_the_build_before_goes_on_with_the_new_tables(database: str, build: OldBuild) -> None:
    """Its connections stay, with the statements that they have prepared."""
    doctor = await build.doctor()
    for clock in ("08:00", "08:30", "09:00"):
        visit = await build.hold(doctor, at(clock))
        await build.confirm(visit)
        await build.cancel(visit, 2)

    await migrate(database, "head")

    visit = await build.hold(doctor, at("09:00"))
    assert await build.tries_to_hold(doctor, at("09:00")) is None
    await build.confirm(visit)
    told = {"event_id": uuid4(), "appointment_id": visit, "version": 2}
    assert await build.ask(old.TELL_DOCTOR, **told)
    assert await build.ask(old.TELL_DOCTOR, **told) is None
    assert await build.ask(old.TELL_PATIENT, **told) == {"attempts": 1}
    assert await build.ask(old.TELL_PATIENT, **told) == {"attempts": 2}
    await build.ask(old.NOTE_DOUBT, appointment_id=visit, version=2)
    await build.cancel(visit, 2)
    row = await build.row(visit)
    assert (row["confirmed_version"], row["cancelled_version"]) == (2, 3)
    assert await build.ask(old.RELEASE, appointment_id=await build.hold(doctor, at("09:00")))
    assert await build.ask(
        old.LEAVE_TOMBSTONE,
        appointment_id=uuid4(),
        patient_id=row["patient_id"],
        starts_at=at("09:00"),
        doctor_id=doctor["doctor_id"],
    )
    assert await build.ask(old.SHIFTS, doctor_id=doctor["doctor_id"], starts_at=at("09:00"))


async def test_no_booking_is_lost_while_the_tables_change(database: str) -> None:
    """Eight patients book all the while; who cannot lock in time comes again."""
    begun, over = asyncio.Barrier(PATIENTS + 1), asyncio.Event()

    async def books() -> tuple[list[UUID], float]:
        visits: list[UUID] = []
        async with await started(database) as connection:
            build = OldBuild(connection)
            while not over.is_set():
                doctor = await build.doctor()
                for half_hours in range(16):
                    visit = await build.hold(doctor, at("08:00") + half_hours * HALF_AN_HOUR)
                    await build.confirm(visit)
                    visits.append(visit)
                if len(visits) == 16:
                    await begun.wait()
        return visits, build.longest_wait

    patients = [asyncio.create_task(books()) for _ in range(PATIENTS)]
    await begun.wait()
    await migrate(database, "head")
    over.set()
    booked = await asyncio.gather(*patients)

    async with await started(database) as connection:
        found = await connection.execute(
            "SELECT id FROM schedules WHERE status = 'confirmed' AND confirmed_version = 2"
        )
        kept = {row["id"] for row in await found.fetchall()}
    assert kept == {visit for visits, _ in booked for visit in visits}
    assert max(wait for _, wait in booked) < 10
