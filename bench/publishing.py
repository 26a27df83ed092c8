"""How long doctors' plans take to publish, and what a booking waits for meanwhile.

`python -m bench.publishing --doctors 1000 --days 90`: a PostgreSQL of its own, plans of two
shifts on five days a week, and holds of free slots one after the other while plans are published.
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities.shifts import Shifts
from adapters.postgres.database import Database, connect_database
from adapters.postgres.take import hold_slot
from adapters.postgres.transactions import TransactionLimit
from domain.actors import SYSTEM
from domain.booking import BookingRequest
from domain.errors import Refused
from domain.plan import PublishOrder
from stack.embedded import embedded_postgres
from stack.home import CHECKOUT

WAITING = text(
    "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0)"
    " FROM pg_locks WHERE NOT granted"
)
CLINIC = text(
    "INSERT INTO clinics (id, name, address, time_zone)"
    " VALUES (:clinic, 'Clinic', 'Street 1', 'Europe/London')"
)
DOCTORS = text(
    "INSERT INTO doctors (id, practitioner_id, full_name, specialty, clinic_id)"
    " SELECT uuidv4(), uuidv4(), 'Doctor ' || n, 'surgeon', :clinic"
    " FROM generate_series(1, :doctors) n"
)
PLANS = text(
    "INSERT INTO plans (id, doctor_id, clinic_id, version, effective_from, weekly)"
    " SELECT uuidv4(), id, clinic_id, 1, DATE '2026-01-01', (SELECT jsonb_agg(jsonb_build_object("
    "   'weekday', day, 'from', part[1], 'until', part[2], 'everyWeeks', 1))"
    "   FROM generate_series(1, 5) day, (VALUES (ARRAY['09:00', '13:00']),"
    "     (ARRAY['14:00', '18:00'])) AS parts (part)) FROM doctors"
)
PATIENTS = text(
    "INSERT INTO patients (id, full_name, email)"
    " SELECT uuidv4(), 'Patient ' || n, 'a@b.c' FROM generate_series(1, 3000) n"
)
MOVED = text("UPDATE clinics SET time_zone = 'Asia/Kathmandu'")
SLOTS = text(
    "SELECT doctor_id, lower(during) AS starts_at FROM shifts"
    " WHERE lower(during) > clock_timestamp() ORDER BY random() LIMIT 3000"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--doctors", type=int, default=1000)
    parser.add_argument("--days", type=int, default=90)
    chosen = parser.parse_args()
    asyncio.run(_measure(chosen.doctors, chosen.days))


async def _measure(doctors: int, days: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with embedded_postgres(Path(folder)) as url:
            alembic = (sys.executable, "-m", "alembic", "upgrade", "head")
            await asyncio.to_thread(
                subprocess.run,
                alembic,
                cwd=CHECKOUT,
                env={**os.environ, "DATABASE_URL": url},
                check=True,
                capture_output=True,
            )
            async with connect_database(url, pool_size=8, name="bench") as database:
                clinic = uuid4()
                for statement in (CLINIC, DOCTORS, PLANS, PATIENTS):
                    await _run(database, statement, clinic=clinic, doctors=doctors)
                await _phases(database, clinic, days)


async def _phases(database: Database, clinic: UUID, days: int) -> None:
    print(f"{'':32} seconds  doctors changed  shifts  longest lock  holds  p50 ms  longest ms")
    bookings = Bookings(database, clinic)
    await _phase("all for the first time", database, bookings, days)
    await bookings.prepare()
    await _phase("nothing has changed", database, bookings, days)
    for name, ahead in (("one more day", days + 1), ("a week more", days + 7)):
        await _phase(name, database, bookings, ahead)
    await _run(database, MOVED, clinic=clinic, doctors=0)
    await _phase("all in another time zone", database, bookings, days)


class Bookings:
    """Holds of free slots, one after the other."""

    def __init__(self, database: Database, clinic: UUID) -> None:
        self._database, self._clinic = database, clinic
        self._slots: list[tuple[UUID, datetime]] = []
        self._patients: list[UUID] = []

    async def prepare(self) -> None:
        async with self._database.connect() as connection:
            found = await connection.execute(SLOTS)
            self._slots = [(row.doctor_id, row.starts_at) for row in found]
            self._patients = list(
                (await connection.execute(text("SELECT id FROM patients"))).scalars()
            )

    async def go_on(self, took: list[float]) -> None:
        turns = TransactionLimit(1)
        while self._slots:
            doctor_id, starts_at = self._slots.pop()
            request = BookingRequest(
                attempt_id=uuid4(),
                appointment_id=uuid4(),
                patient_id=self._patients.pop(),
                doctor_id=doctor_id,
                clinic_id=self._clinic,
                starts_at=starts_at,
                hold_seconds=600,
                max_holds=3,
                origin="patient",
                actor=SYSTEM,
            )
            began = time.perf_counter()
            with suppress(Refused):
                await hold_slot(self._database, turns, request)
            took.append(time.perf_counter() - began)
            await asyncio.sleep(random.uniform(0.02, 0.08))  # noqa: S311 - no secret


async def _phase(name: str, database: Database, bookings: Bookings, days: int) -> None:
    took: list[float] = []
    waits: list[float] = [0.0]
    beside = [
        asyncio.create_task(bookings.go_on(took)),
        asyncio.create_task(_watch(database, waits)),
    ]
    began = time.perf_counter()
    shifts = Shifts(database)
    published = await ActivityEnvironment().run(
        shifts.publish_shifts, PublishOrder(horizon_days=days)
    )
    seconds = time.perf_counter() - began
    for each in beside:
        each.cancel()
    await asyncio.gather(*beside, return_exceptions=True)
    took.sort()
    middle, longest = (took[len(took) // 2], took[-1]) if took else (0.0, 0.0)
    print(
        f"{name:32} {seconds:7.1f}  {published.changed:15}  {published.shifts:6}"
        f"  {max(waits) * 1000:9.0f} ms"
        f"  {len(took):5}  {middle * 1000:6.0f}  {longest * 1000:10.0f}"
    )


async def _watch(database: Database, waits: list[float]) -> None:
    while True:
        async with database.connect() as connection:
            waits.append(float((await connection.execute(WAITING)).scalar_one()))
        await asyncio.sleep(0.02)


async def _run(database: Database, statement: object, **values: object) -> None:
    async with database.connect() as connection:
        await connection.execute(statement, values)  # type: ignore[call-overload]


if __name__ == "__main__":
    main()
