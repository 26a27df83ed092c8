"""Free slots with a patient each, worked out from the shifts of a database."""

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import class_row

from domain.documents import timestamp
from domain.slot import Interval, slots_of

Wish = tuple[str, str, str]
"""Patient, doctor, instant."""

SHIFTS = """
SELECT s.doctor_id::text, lower(s.during) AS starts_at, upper(s.during) AS ends_at,
       d.slot_minutes, c.time_zone
FROM shifts s JOIN doctors d ON d.id = s.doctor_id JOIN clinics c ON c.id = d.clinic_id
WHERE lower(s.during) > clock_timestamp() + interval '1 day'
ORDER BY s.doctor_id, s.during
"""
TAKEN = """
SELECT patient_id::text, doctor_id::text, starts_at FROM schedules
WHERE status IN ('held', 'confirmed') AND starts_at > clock_timestamp()
"""
PATIENTS = "SELECT id::text FROM patients ORDER BY id"


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One shift of one doctor, as it stands in the database."""

    doctor_id: str
    starts_at: datetime
    ends_at: datetime
    slot_minutes: int
    time_zone: str

    @property
    def slots(self) -> list[Interval]:
        during = Interval(starts_at=self.starts_at, ends_at=self.ends_at)
        return list(slots_of(during, self.slot_minutes, ZoneInfo(self.time_zone)))


async def read_wishes(database_url: str, *, seed: int = 7) -> list[Wish]:
    """All of them, in an order that looks random and is the same for every engine."""
    connection = await psycopg.AsyncConnection.connect(database_url)
    async with connection, connection.cursor(row_factory=class_row(Shift)) as cursor:
        shifts = await (await cursor.execute(SHIFTS)).fetchall()
        patients = [row[0] for row in await (await connection.execute(PATIENTS)).fetchall()]
        visits = await (await connection.execute(TAKEN)).fetchall()
    taken = {(party, timestamp(at)) for *both, at in visits for party in both}
    found = [
        (patient, doctor, at)
        for patient, doctor, at in matched(shifts, patients)
        if not {(patient, at), (doctor, at)} & taken
    ]
    random.Random(seed).shuffle(found)  # noqa: S311 - an order of work
    return found


def matched(shifts: Sequence[Shift], patients: Sequence[str]) -> list[Wish]:
    """No patient is asked to be in two places at once; a slot that nobody is free for is left."""
    slots = sorted(
        ((slot, shift.doctor_id) for shift in shifts for slot in shift.slots),
        key=lambda each: (each[0].starts_at, each[1]),
    )
    free: list[tuple[datetime, str]] = []
    unused = list(reversed(patients))
    found: list[Wish] = []
    for slot, doctor in slots:
        if free and free[0][0] <= slot.starts_at:
            patient = heapq.heappop(free)[1]
        elif unused:
            patient = unused.pop()
        else:
            continue
        heapq.heappush(free, (slot.ends_at, patient))
        found.append((patient, doctor, timestamp(slot.starts_at)))
    return found
