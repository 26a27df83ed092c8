"""A scratch database of its own for the audit's tests, and rows as the product leaves them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import make_url, text

from adapters.postgres.database import Database
from domain.audit import Touched
from tests.behind_pooler import connect
from tests.clinic_rows import Clinic, at

MIGRATED = "migrated"
"""A database as the migrations leave it, from which others are copied."""

LEAVE = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = :template"
"""A database that somebody is connected to is not copied, and a pooler stays connected."""

LONG_AGO = timedelta(minutes=10)


@asynccontextmanager
async def scratch_database(
    database: Database, *, template: str = MIGRATED
) -> AsyncIterator[Database]:
    """Another database, migrated and empty: what a test breaks there it breaks for nobody else."""
    name = f"scratch_{uuid4().hex[:8]}"
    url = make_url(database.url).set(database=name)
    address = url.render_as_string(hide_password=False)
    async with database.connect() as connection:
        await connection.execute(text(LEAVE), {"template": template})
        await connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    async with connect(address, pool_size=5, name="scratch") as scratch:
        yield scratch
    async with database.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@dataclass(frozen=True, kw_only=True)
class Books:
    """The rows of one clinic, where time can be turned back for a row."""

    clinic: Clinic

    async def rows(self, query: str, **values: object) -> list[dict[str, Any]]:
        async with self.clinic.database.connect() as connection:
            found = await connection.execute(text(query), values)
            return [dict(row) for row in found.mappings()]

    async def row(self, appointment_id: UUID) -> dict[str, Any]:
        return (await self.rows("SELECT * FROM schedules WHERE id = :id", id=appointment_id))[0]

    async def touched(self, appointment_id: UUID) -> Touched:
        row = await self.row(appointment_id)
        return Touched(
            appointment_id=appointment_id,
            doctor_id=row["doctor_id"],
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
        )

    async def held(self, clock: str, *, lasts: timedelta = timedelta(minutes=10)) -> UUID:
        appointment_id = await self.clinic.hold(at(clock), lasts=lasts)
        await self.turn_back(appointment_id)
        return appointment_id

    async def confirmed(self, clock: str, *, ago: timedelta = LONG_AGO) -> UUID:
        appointment_id = await self.clinic.hold(at(clock))
        await self.clinic.execute(
            "UPDATE schedules SET status = 'confirmed', version = version + 1,"
            " confirmed_at = clock_timestamp() WHERE id = :id",
            id=appointment_id,
        )
        await self.turn_back(appointment_id, by=ago)
        return appointment_id

    async def cancelled(self, clock: str) -> UUID:
        """A visit that stood."""
        appointment_id = await self.confirmed(clock)
        await self.clinic.execute(
            "UPDATE schedules SET status = 'cancelled', version = version + 1,"
            " cancelled_at = clock_timestamp(), reason = 'mistake' WHERE id = :id",
            id=appointment_id,
        )
        await self.turn_back(appointment_id)
        return appointment_id

    async def moved(self, appointment_id: UUID, clock: str) -> None:
        await self.clinic.execute(
            "UPDATE schedules SET starts_at = :start, ends_at = :end, version = version + 1"
            " WHERE id = :id",
            id=appointment_id,
            start=at(clock),
            end=at(clock) + timedelta(minutes=30),
        )
        await self.turn_back(appointment_id)

    async def received(self, appointment_id: UUID, sequence: int, kind: str = "confirmed") -> None:
        """The notifier has recorded the doctor's notice of that event."""
        await self.clinic.execute(
            "INSERT INTO notifications (id, event_id, audience, channel, kind, status,"
            " appointment_id, doctor_id, starts_at, sequence) SELECT gen_random_uuid(),"
            " gen_random_uuid(), 'doctor', 'inbox', :kind, 'sent', id, doctor_id, starts_at,"
            " :sequence FROM schedules WHERE id = :id",
            id=appointment_id,
            kind=kind,
            sequence=sequence,
        )

    async def took_place(self, appointment_id: UUID, *, ago: timedelta) -> None:
        """As if it had been booked, moved and told of, and had begun, so long ago."""
        await self.row_says(
            appointment_id,
            "starts_at = clock_timestamp() - :by, ends_at = clock_timestamp() - :by + '30 minutes',"
            " confirmed_at = confirmed_at - :by, rescheduled_at = rescheduled_at - :by",
            by=ago,
        )
        for table, time in (("moves", "moved_at"), ("notifications", "created_at")):
            await self.clinic.execute(
                f"UPDATE {table} SET {time} = {time} - :by WHERE appointment_id = :id",  # noqa: S608
                id=appointment_id,
                by=ago,
            )

    async def turn_back(self, appointment_id: UUID, *, by: timedelta = LONG_AGO) -> None:
        """As if the row had been changed that long ago; the trigger would say now."""
        await self.row_says(appointment_id, "updated_at = updated_at - :by", by=by)

    async def row_says(self, appointment_id: UUID, what: str, **values: object) -> None:
        """As no trigger would let it."""
        async with self.clinic.database.connect() as connection:
            await connection.execute(text("SET session_replication_role = replica"))
            await connection.execute(
                text(f"UPDATE schedules SET {what} WHERE id = :id"),  # noqa: S608
                {"id": appointment_id} | values,
            )
            await connection.execute(text("RESET session_replication_role"))

    async def nothing_yet(self) -> None:
        """As on the first day."""
        await self.clinic.execute("TRUNCATE schedules, notifications, events_in_doubt CASCADE")
        await self.clinic.execute("UPDATE audit_progress SET swept_until = '-infinity'")
