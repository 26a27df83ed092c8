"""Free slots and new patients for the load, more than all cases use."""

import random
from collections import Counter, deque
from dataclasses import dataclass
from itertools import count
from uuid import UUID, uuid4

import psycopg

from api.booking.idempotency import appointment_id_of
from stack.seed import seed
from tests.faults.rig.history import Booking, Slot

DOCTORS, DAYS, PATIENTS = 120, 14, 40_000

PRIVATE = ("Privatnova", "+79995550", "@private.example")
"""Part of every name, phone and address of these patients. It must not appear elsewhere."""

ADD_PATIENTS = """
INSERT INTO patients (id, full_name, phone, email, language)
SELECT gen_random_uuid(), 'Privatnova Patient ' || n, '+79995550' || n,
       'patient' || n || '@private.example', (ARRAY['ru', 'en'])[1 + n %% 2]
FROM generate_series(100000, 99999 + %s) n RETURNING id
"""
# From tomorrow on, so that no slot begins while a case uses it.
FREE_SLOTS = """
SELECT d.id::text, to_char(g AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       (g AT TIME ZONE c.time_zone)::date::text
FROM shifts s
JOIN doctors d ON d.id = s.doctor_id
JOIN clinics c ON c.id = d.clinic_id
CROSS JOIN generate_series(
    lower(s.during), upper(s.during) - make_interval(mins => d.slot_minutes),
    make_interval(mins => d.slot_minutes)
) g
WHERE lower(s.during) > now() + interval '1 day'
  AND NOT EXISTS (SELECT FROM schedules v WHERE v.practitioner_id = d.practitioner_id
                  AND v.occupies && tstzrange(g, g + make_interval(mins => d.slot_minutes)))
"""


class SoldOut(Exception):
    """The load ran out of free slots. This is not a fault of the product."""


@dataclass(kw_only=True)
class Supply:
    """Each slot and each patient is given out once, so that cases do not disturb one another."""

    secret: bytes
    slots: deque[Slot]
    patients: deque[UUID]

    def slot(self) -> Slot:
        if not self.slots:
            raise SoldOut("no slot is left: ask for a larger stock")
        return self.slots.popleft()

    def slots_of_one_doctor(self, many: int) -> list[Slot]:
        """Of the doctor who has the most left."""
        doctor, left = Counter(slot.doctor_id for slot in self.slots).most_common(1)[0]
        if left < many:
            raise SoldOut("no doctor has so many slots left: ask for a larger stock")
        chosen = [slot for slot in self.slots if slot.doctor_id == doctor][:many]
        for slot in chosen:
            self.slots.remove(slot)
        return chosen

    def booking(self, slot: Slot, patient: UUID | None = None) -> Booking:
        """A wish for that slot under a new key, by that patient or by a new one."""
        if patient is None and not self.patients:
            raise SoldOut("no patient is left: ask for a larger stock")
        patient = patient or self.patients.popleft()
        key = f"key-{next(KEYS)}-{uuid4().hex[:8]}"
        return Booking(
            appointment_id=appointment_id_of(self.secret, patient, key),
            patient_id=patient,
            slot=slot,
            key=key,
        )


KEYS = count(1)


async def stocked(database_url: str, secret: bytes, *, times: int = 1) -> Supply:
    """Add `times` the usual number of doctors and patients; list the free slots."""
    await seed(database_url, doctors=DOCTORS * times, days=DAYS)
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        added = await connection.execute(ADD_PATIENTS, (PATIENTS * times,))
        patients = deque(row[0] for row in await added.fetchall())
        found = await connection.execute(FREE_SLOTS)
        slots = [
            Slot(doctor_id=doctor, starts_at=starts_at, date=date)
            for doctor, starts_at, date in await found.fetchall()
        ]
    random.shuffle(slots)
    return Supply(secret=secret, slots=deque(slots), patients=patients)
