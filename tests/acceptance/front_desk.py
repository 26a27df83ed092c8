"""The running product as a made-up story meets it: doctors, patients and days of its own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg

from tests.acceptance.contract import Slot, Visit

FIRST_DAY, DAYS = date(2040, 1, 2), 10_000

A_DOCTOR = """
WITH clinic AS (
    INSERT INTO clinics (id, name, address, time_zone)
    VALUES (gen_random_uuid(), 'Clinic of ' || %(name)s, 'Street 1', 'UTC') RETURNING id
), doctor AS (
    INSERT INTO doctors (id, practitioner_id, full_name, specialty, clinic_id)
    SELECT %(id)s, %(practitioner)s, %(name)s, 'surgery', id FROM clinic RETURNING id, clinic_id
)
INSERT INTO shifts (doctor_id, clinic_id, during)
SELECT id, clinic_id, tstzrange(begins, begins + interval '90 minutes')
FROM doctor, generate_series(%(first)s, %(last)s, interval '1 day') begins
"""
A_PATIENT = """
INSERT INTO patients (id, full_name, phone, email)
VALUES (gen_random_uuid(), 'Testova', '+70000', 'testova@example.org') RETURNING id::text
"""


@dataclass
class FrontDesk:
    """What all stories share, and what they have counted: visits, where told to their end."""

    http: httpx.Client
    database: psycopg.Connection[Any]
    doctors: Mapping[str, str]
    days: Iterator[int] = field(default_factory=count)
    visits: list[Visit] = field(default_factory=list)
    calls: int = 0
    moves: int = 0
    stories: int = 0

    def next_day(self) -> date:
        return FIRST_DAY + timedelta(days=next(self.days))

    def patient(self) -> str:
        row = self.database.execute(A_PATIENT).fetchone()
        assert row is not None
        return str(row[0])

    def states(self, doctor: str, day: date) -> dict[int, str]:
        """What everybody sees of a doctor's day, by the minute at which a slot begins."""
        path = f"/api/v1/doctors/{self.doctors[doctor]}/schedule"
        answer = self.http.get(path, params={"date": day.isoformat()})
        return {_minute(slot["dateTime"]): slot["state"] for slot in answer.json()["slots"]}


@contextmanager
def front_desk(api: str, database_url: str, slots: Sequence[Slot]) -> Iterator[FrontDesk]:
    with (
        psycopg.connect(database_url, autocommit=True) as database,
        httpx.Client(base_url=api, timeout=15) as http,
    ):
        yield FrontDesk(http=http, database=database, doctors=_hired(database, slots))


def begins(slot: Slot, day: date) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(minutes=slot.begins)


def _hired(database: psycopg.Connection[Any], slots: Sequence[Slot]) -> dict[str, str]:
    """Each doctor's shifts begin with the first of the slots; a person may be two doctors."""
    people: dict[str, UUID] = {}
    hired: dict[str, str] = {}
    for slot in sorted(slots, key=lambda each: each.begins):
        if slot.doctor in hired:
            continue
        hired[slot.doctor] = str(uuid4())
        doctor = {
            "id": hired[slot.doctor],
            "name": slot.doctor,
            "practitioner": people.setdefault(slot.practitioner, uuid4()),
            "first": begins(slot, FIRST_DAY),
            "last": begins(slot, FIRST_DAY + timedelta(days=DAYS)),
        }
        database.execute(A_DOCTOR, doctor)
    return hired


def _minute(instant: str) -> int:
    at = datetime.fromisoformat(instant)
    return at.hour * 60 + at.minute
