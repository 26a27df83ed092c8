"""Seeds the demo clinic. Repeatable: it only adds what is missing."""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import psycopg
from psycopg.errors import UndefinedTable
from psycopg.sql import SQL

from adapters.postgres.database import Database, connect_database
from adapters.postgres.direct import Cursor
from adapters.postgres.transactions import serializable
from adapters.process.settings import BadSettings, connections
from domain.slot import Interval, day_of
from stack.errors import StackError
from stack.seed_data import (
    CLINICS,
    Clinic,
    Doctor,
    Patient,
    Rota,
    Span,
    demo_doctors,
    demo_patients,
)

DOCTORS_A_TRANSACTION = 250
"""Short transactions, because a concurrent booking has to wait or retry."""

# One array per column: a statement with thousands of rows is parsed once.
NOW = SQL("SELECT clock_timestamp() AS now")

INSERT_CLINICS = SQL("""
INSERT INTO clinics (id, name, address, time_zone, phone)
SELECT * FROM unnest(
    CAST(%(id)s AS uuid[]), CAST(%(name)s AS text[]), CAST(%(address)s AS text[]),
    CAST(%(time_zone)s AS text[]), CAST(%(phone)s AS text[])
)
ON CONFLICT DO NOTHING
""")
INSERT_DOCTORS = SQL("""
INSERT INTO doctors (id, practitioner_id, full_name, specialty, clinic_id, slot_minutes)
SELECT * FROM unnest(
    CAST(%(id)s AS uuid[]), CAST(%(practitioner_id)s AS uuid[]), CAST(%(full_name)s AS text[]),
    CAST(%(specialty)s AS text[]), CAST(%(clinic_id)s AS uuid[]),
    CAST(%(slot_minutes)s AS smallint[])
)
ON CONFLICT DO NOTHING
""")
INSERT_PATIENTS = SQL("""
INSERT INTO patients (id, full_name, phone, email, language)
SELECT * FROM unnest(
    CAST(%(id)s AS uuid[]), CAST(%(full_name)s AS text[]), CAST(%(phone)s AS text[]),
    CAST(%(email)s AS text[]), CAST(%(language)s AS text[])
)
ON CONFLICT DO NOTHING
""")
# A shift that overlaps an existing one is skipped, so changes by the clinic remain.
INSERT_SHIFTS = SQL("""
INSERT INTO shifts (doctor_id, during)
SELECT doctor_id, tstzrange(starts_at, ends_at)
FROM unnest(CAST(%(doctor_id)s AS uuid[])) AS doctor (doctor_id)
CROSS JOIN unnest(
    CAST(%(starts_at)s AS timestamptz[]), CAST(%(ends_at)s AS timestamptz[])
) AS shift (starts_at, ends_at)
ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True, kw_only=True)
class SeedReport:
    """How many rows were added; all zero if nothing was missing."""

    clinics: int
    doctors: int
    patients: int
    shifts: int

    def __str__(self) -> str:
        return (
            f"Added {self.clinics} clinics, {self.doctors} doctors, "
            f"{self.patients} patients and {self.shifts} shifts."
        )


async def seed(database_url: str, *, doctors: int = 12, days: int = 14) -> SeedReport:
    """Add the demo clinic, with shifts on `days` days, starting today by each clinic's date.

    The named doctors come first; further doctors are generated.
    """
    async with connect_database(
        database_url, pool_size=1, name="priyom-seed", statement_seconds=60
    ) as database:
        return await _fill(database, demo_doctors(doctors), days)


async def seed_or_tell(database_url: str, *, doctors: int, days: int) -> SeedReport:
    """Like `seed`; StackError, at once, if the database is not there."""
    try:
        async with await psycopg.AsyncConnection.connect(database_url, connect_timeout=3):
            pass  # the pool would go on trying
        return await seed(database_url, doctors=doctors, days=days)
    except psycopg.OperationalError as error:
        why = next(iter(str(error).splitlines()), "")
        raise StackError(f"The database does not answer, `make up` starts ours: {why}") from None
    except UndefinedTable:
        raise StackError("The database has no tables yet: `alembic upgrade head`.") from None


async def _fill(database: Database, doctors: Sequence[Doctor], days: int) -> SeedReport:
    clinics, patients = await serializable(database, _add_clinics_and_patients)
    added_doctors = added_shifts = 0
    for first in range(0, len(doctors), DOCTORS_A_TRANSACTION):
        some = doctors[first : first + DOCTORS_A_TRANSACTION]
        new_doctors, new_shifts = await serializable(
            database, partial(_add_doctors, doctors=some, days=days)
        )
        added_doctors += new_doctors
        added_shifts += new_shifts
    return SeedReport(
        clinics=clinics, doctors=added_doctors, patients=patients, shifts=added_shifts
    )


async def _add_clinics_and_patients(connection: Cursor) -> tuple[int, int]:
    clinics = await connection.write(INSERT_CLINICS, _columns(CLINICS))
    patients = await connection.write(INSERT_PATIENTS, _columns(demo_patients()))
    return clinics, patients


async def _add_doctors(
    connection: Cursor, *, doctors: Sequence[Doctor], days: int
) -> tuple[int, int]:
    now = (await connection.one(NOW, {}))["now"]
    added = await connection.write(INSERT_DOCTORS, _doctor_columns(doctors))
    shifts = 0
    for (clinic, rota), ids in _by_clinic_and_rota(doctors).items():
        weeks = list(shifts_from(now, days, rota, ZoneInfo(clinic.time_zone)))
        columns = {"doctor_id": ids, **_columns(weeks)}
        shifts += await connection.write(INSERT_SHIFTS, columns)
    return added, shifts


def shifts_from(now: datetime, days: int, rota: Rota, zone: ZoneInfo) -> Iterator[Interval]:
    """The shifts of `days` local days, starting today, in order."""
    today = day_of(now, zone)
    for day in (today + timedelta(days=ahead) for ahead in range(days)):
        for span in rota[day.weekday()]:
            yield _shift(day, span, zone)


def _shift(day: date, span: Span, zone: ZoneInfo) -> Interval:
    begins, ends = span
    last_day = day + timedelta(days=1) if ends == time.min else day
    return Interval(
        starts_at=datetime.combine(day, begins, zone).astimezone(UTC),
        ends_at=datetime.combine(last_day, ends, zone).astimezone(UTC),
    )


def _by_clinic_and_rota(doctors: Sequence[Doctor]) -> dict[tuple[Clinic, Rota], list[object]]:
    """Doctors of one clinic and rota have the same shifts, which are computed once."""
    groups: dict[tuple[Clinic, Rota], list[object]] = defaultdict(list)
    for doctor in doctors:
        groups[doctor.clinic, doctor.rota].append(doctor.id)
    return groups


def _doctor_columns(doctors: Sequence[Doctor]) -> dict[str, list[object]]:
    return {
        "id": [doctor.id for doctor in doctors],
        "practitioner_id": [doctor.practitioner_id for doctor in doctors],
        "full_name": [doctor.full_name for doctor in doctors],
        "specialty": [doctor.specialty for doctor in doctors],
        "clinic_id": [doctor.clinic.id for doctor in doctors],
        "slot_minutes": [doctor.slot_minutes for doctor in doctors],
    }


def _columns(
    rows: Sequence[Clinic | Patient | Interval],
) -> dict[str, list[object]]:
    """The rows of one dataclass as one list per field."""
    names = [field.name for field in fields(rows[0])]
    return {name: [getattr(row, name) for row in rows] for name in names}


def main() -> int:
    """The entry point for the compose file: it seeds the database of the settings."""
    try:
        print(asyncio.run(seed_or_tell(connections().session_url, doctors=12, days=14)))
    except BadSettings as error:
        print(error, file=sys.stderr)
        return 2
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
