"""A thousand doctors are published ninety days ahead while patients book: `-m long -s`.

`DOCTORS=` takes fewer."""

import asyncio
import json
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.appointments import Appointments
from activities.shifts import Shifts
from activities.slots import Slots
from adapters.postgres.database import Database, connect_database
from domain.plan import Published, PublishOrder
from tests.builders import a_request
from tests.clinic_rows import Clinic, open_clinic
from tests.integration.audit_rows import scratch_database

DOCTORS = int(os.environ.get("DOCTORS", "1000"))
DAYS = 90
WITHIN_SECONDS = 30.0
WAITS_AT_MOST = 0.1
LOOK_EVERY = 0.01
BOOKINGS_A_SECOND = 10

HIRE = """
INSERT INTO doctors (id, practitioner_id, full_name, specialty, clinic_id)
SELECT gen_random_uuid(), gen_random_uuid(), 'Doctor ' || n, 'surgeon', :clinic
FROM generate_series(2, :doctors) n
"""
PLAN = """
INSERT INTO plans (id, doctor_id, clinic_id, version, effective_from, weekly)
SELECT gen_random_uuid(), id, clinic_id, :version, '2024-01-01', CAST(:weekly AS jsonb)
FROM doctors WHERE clinic_id = :clinic
"""
# Of all who wait for a lock, those who book, and since when their statement has been running.
WAITS = """
SELECT extract(epoch FROM clock_timestamp() - query_start) FROM pg_stat_activity
WHERE application_name LIKE 'booking%' AND wait_event_type = 'Lock'
"""
REVISIONS = text("SELECT doctor_id, lower(during) AS begins, revision FROM shifts")


def always(_: datetime) -> bool:
    return True


def never(_: datetime) -> bool:
    return False


def every_day(start: str, until: str, *, on_monday: str | None = None) -> str:
    week = [{"weekday": day, "from": start, "until": until, "everyWeeks": 1} for day in range(1, 8)]
    week[0]["until"] = on_monday or until
    return json.dumps(week)


@dataclass(kw_only=True)
class Patients:
    """Who book all the while, and how long they waited for a lock."""

    clinic: Clinic
    database: Database
    doctors: list[UUID]
    took: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    booked: int = 0

    async def book(self) -> None:
        slots, appointments = Slots(self.database), Appointments(self.database)
        patient = await self.clinic.patient()
        while True:
            began = time.perf_counter()
            ahead = timedelta(days=random.randrange(2, DAYS - 2), minutes=30 * random.randrange(8))
            midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            request = a_request(
                patient_id=patient,
                doctor_id=random.choice(self.doctors),
                clinic_id=self.clinic.id,
                starts_at=midnight + timedelta(hours=6) + ahead,
                max_holds=1000,
            )
            try:
                await ActivityEnvironment().run(slots.hold_slot, request)
                await ActivityEnvironment().run(appointments.confirm_appointment, request)
                self.booked += 1
            except ApplicationError:
                patient = await self.clinic.patient()
            self.took.append(time.perf_counter() - began)
            await asyncio.sleep(max(0.0, began + 1 / BOOKINGS_A_SECOND - time.perf_counter()))

    async def watch(self) -> None:
        url = self.database.url
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as watcher:
            while True:
                found = await (await watcher.execute(WAITS)).fetchall()
                self.waited += [float(row[0]) for row in found]
                await asyncio.sleep(LOOK_EVERY)


@asynccontextmanager
async def patients_of(clinic: Clinic, doctors: list[UUID]) -> AsyncIterator[Patients]:
    async with connect_database(clinic.database.url, pool_size=2, name="booking") as database:
        patients = Patients(clinic=clinic, database=database, doctors=doctors)
        both = [asyncio.create_task(patients.book()), asyncio.create_task(patients.watch())]
        yield patients
        for each in both:
            each.cancel()
        await asyncio.gather(*both, return_exceptions=True)


@dataclass(kw_only=True)
class Hospital:
    """Many doctors, whose plans are published."""

    clinic: Clinic
    doctors: list[UUID]

    async def plans(self, version: int, weekly: str) -> None:
        await self.clinic.execute(PLAN, version=version, weekly=weekly, clinic=self.clinic.id)

    async def revisions(self) -> dict[tuple[UUID, datetime], int]:
        async with self.clinic.database.connect() as connection:
            rows = await connection.execute(REVISIONS)
            return {(row.doctor_id, row.begins): row.revision for row in rows}

    async def published(
        self, what: str, *, days: int = DAYS, changes: Callable[[datetime], bool]
    ) -> Published:
        """All of it, told, and held to what it may cost and change: shifts that begin then."""
        order, before = PublishOrder(horizon_days=days), await self.revisions()
        async with patients_of(self.clinic, self.doctors) as patients:
            began = time.perf_counter()
            shifts = Shifts(self.clinic.database)
            done = await ActivityEnvironment().run(shifts.publish_shifts, order)
            seconds = time.perf_counter() - began
        after = await self.revisions()
        changed = {place for place, revision in after.items() if before.get(place) != revision}
        took = sorted(patients.took)
        print(
            f"{what:<20} {seconds:5.1f} s, {done.changed} doctors and {done.shifts} shifts changed,"
            f" {len(after) - len(changed)} of {len(after)} kept their revision |"
            f" {patients.booked} visits booked,"
            f" p50 {took[len(took) // 2] * 1000:.0f} ms, longest {took[-1] * 1000:.0f} ms,"
            f" waits for a lock seen {len(patients.waited)},"
            f" longest {max(patients.waited, default=0.0) * 1000:.0f} ms"
        )
        assert all(changes(begins) for _, begins in changed)
        assert seconds <= WITHIN_SECONDS
        assert max(patients.waited, default=0.0) <= WAITS_AT_MOST
        return done


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_publishing_changes_what_is_other_and_lets_bookings_pass(
    clinic_database: Database,
) -> None:
    async with scratch_database(clinic_database) as scratch:
        clinic = await open_clinic(scratch)
        await clinic.execute(HIRE, clinic=clinic.id, doctors=DOCTORS)
        await clinic.execute("DELETE FROM shifts")
        async with scratch.connect() as connection:
            rows = await connection.execute(text("SELECT id FROM doctors"))
            hospital = Hospital(clinic=clinic, doctors=[row.id for row in rows])
        await hospital.plans(1, every_day("09:00", "13:00"))
        print()
        first = await hospital.published("from nothing", changes=always)
        same = await hospital.published("nothing changes", changes=never)
        last = datetime.now(UTC).date() + timedelta(days=DAYS)
        further = await hospital.published(
            "a day further", days=DAYS + 1, changes=lambda begins: begins.date() > last
        )
        await hospital.plans(2, every_day("09:00", "13:00", on_monday="12:00"))
        mondays = await hospital.published(
            "Mondays change", days=DAYS + 1, changes=lambda begins: begins.isoweekday() == 1
        )
        await hospital.plans(3, every_day("10:00", "14:00"))
        everything = await hospital.published("every day changes", days=DAYS + 1, changes=always)

    assert first.doctors == DOCTORS
    assert same == Published(doctors=DOCTORS, changed=0, shifts=0)
    assert further.shifts == DOCTORS
    assert mondays.changed == everything.changed == DOCTORS
