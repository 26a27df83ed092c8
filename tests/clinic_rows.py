"""A clinic in the database: what its methods write, the product would write."""

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text

from adapters.postgres.database import Database

DAY = date(2030, 1, 14)


def at(clock: str, day: date = DAY) -> datetime:
    """Moscow time on the day of the tests."""
    return datetime.fromisoformat(f"{day} {clock}+03:00").astimezone(UTC)


@dataclass(frozen=True, kw_only=True)
class Clinic:
    """A clinic and one of its doctors."""

    database: Database
    id: UUID
    doctor_id: UUID

    async def execute(self, statement: str, **values: object) -> None:
        async with self.database.connect() as connection:
            await connection.execute(text(statement), values)

    async def hire(
        self, *, specialty: str = "surgeon", practitioner_id: UUID | None = None
    ) -> UUID:
        doctor_id = uuid4()
        await self.execute(
            "INSERT INTO doctors (id, practitioner_id, full_name, specialty, clinic_id)"
            " VALUES (:id, :practitioner, 'Dr Kim', :specialty, :clinic)",
            id=doctor_id,
            practitioner=practitioner_id or uuid4(),
            specialty=specialty,
            clinic=self.id,
        )
        return doctor_id

    async def on_duty(
        self, start: datetime, end: datetime, *, doctor_id: UUID | None = None
    ) -> None:
        await self.execute(
            "INSERT INTO shifts (doctor_id, during) VALUES (:doctor, tstzrange(:start, :end))",
            doctor=doctor_id or self.doctor_id,
            start=start,
            end=end,
        )

    async def patient(self) -> UUID:
        patient_id = uuid4()
        await self.execute(
            "INSERT INTO patients (id, full_name, phone, email) VALUES (:id, 'A', '+7', 'a@b.c')",
            id=patient_id,
        )
        return patient_id

    async def hold(
        self,
        starts_at: datetime,
        *,
        lasts: timedelta = timedelta(minutes=10),
        doctor_id: UUID | None = None,
        patient_id: UUID | None = None,
    ) -> UUID:
        appointment_id = uuid4()
        await self.execute(
            "INSERT INTO schedules (id, patient_id, doctor_id, starts_at, ends_at, status,"
            " held_until) VALUES (:id, :patient, :doctor, :start, :end, 'held',"
            " clock_timestamp() + :lasts)",
            id=appointment_id,
            patient=patient_id or await self.patient(),
            doctor=doctor_id or self.doctor_id,
            start=starts_at,
            end=starts_at + timedelta(minutes=30),
            lasts=lasts,
        )
        return appointment_id

    async def becomes(self, appointment_id: UUID, status: str) -> None:
        await self.execute(
            "UPDATE schedules SET status = :status WHERE id = :id", id=appointment_id, status=status
        )

    async def book(
        self,
        starts_at: datetime,
        *,
        doctor_id: UUID | None = None,
        patient_id: UUID | None = None,
    ) -> UUID:
        appointment_id = await self.hold(starts_at, doctor_id=doctor_id, patient_id=patient_id)
        await self.becomes(appointment_id, "confirmed")
        return appointment_id


async def open_clinic(database: Database) -> Clinic:
    """One doctor on duty from nine to eleven."""
    empty = Clinic(database=database, id=uuid4(), doctor_id=UUID(int=0))
    await empty.execute(
        "INSERT INTO clinics (id, name, address, time_zone)"
        " VALUES (:id, 'Clinic', 'Street 1', 'Europe/Moscow')",
        id=empty.id,
    )
    clinic = replace(empty, doctor_id=await empty.hire())
    await clinic.on_duty(at("09:00"), at("11:00"))
    return clinic


async def assert_accepted(statement: Awaitable[object]) -> None:
    """The database refuses nothing; otherwise it says by which constraint."""
    try:
        await statement
    except psycopg.Error as error:
        raise AssertionError(f"refused by {error.diag.constraint_name}") from error


async def refused_by(statement: Awaitable[object]) -> str:
    """The name of the constraint that refused a statement."""
    with pytest.raises(psycopg.Error) as refused:
        await statement
    name = refused.value.diag.constraint_name
    assert name is not None
    return name


def a_name() -> str:
    """Nobody else in these tests is called so. No digits: they would be sought as a telephone."""
    letters = "abcdefghijklmnop"
    return "".join(letters[int(digit, 16)] for digit in uuid4().hex[:12])
