"""Which events the rows bear out: whoever may write to the topic can say anything.

An event that was overtaken is as true as before: the row keeps the version of each change, and the
table of moves keeps where the visit stood before. An offer is of its visit, whatever round the
campaign is in by now.
"""

from collections.abc import Sequence
from typing import Protocol

from psycopg.sql import SQL

from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor
from adapters.postgres.reads import read_by_cursor
from domain.events import EVENT_KINDS, AppointmentEvent, EventType, event_id

# A patient that was merged into another one is gone from the rows, and may yet be in an event: of
# the visits of that other one, no more. That one may have been merged since, too.
BORNE_OUT = SQL("""
WITH RECURSIVE borne_out AS MATERIALIZED (
SELECT told.place, told.patient_id, s.patient_id AS patient_id_now
FROM unnest(
    %(ids)s::uuid[], %(kinds)s::text[], %(sequences)s::int[], %(times)s::timestamptz[],
    %(patients)s::uuid[], %(doctors)s::uuid[], %(clinics)s::uuid[],
    %(begins)s::timestamptz[], %(ends)s::timestamptz[],
    %(previous_doctors)s::uuid[], %(previous_clinics)s::uuid[],
    %(previous_begins)s::timestamptz[], %(previous_ends)s::timestamptz[]
) WITH ORDINALITY AS told (
    id, kind, sequence, time, patient_id, doctor_id, clinic_id, starts_at, ends_at,
    previous_doctor_id, previous_clinic_id, previous_starts_at, previous_ends_at, place
)
JOIN schedules s ON s.id = told.id
LEFT JOIN moves made ON made.appointment_id = s.id AND made.version = told.sequence
LEFT JOIN LATERAL (
    SELECT * FROM moves
    WHERE appointment_id = s.id AND version > told.sequence ORDER BY version LIMIT 1
) later ON true
WHERE (
    told.doctor_id, told.clinic_id, told.starts_at, told.ends_at
) = (
    coalesce(later.previous_doctor_id, s.doctor_id),
    coalesce(later.previous_clinic_id, s.clinic_id),
    coalesce(later.previous_starts_at, s.starts_at),
    coalesce(later.previous_ends_at, s.ends_at)
) AND abs(extract(epoch FROM told.time - CASE told.kind
    WHEN 'confirmed' THEN s.confirmed_at
    WHEN 'cancelled' THEN s.cancelled_at
    WHEN 'rescheduled' THEN made.moved_at
    ELSE s.created_at
END)) < 1 AND CASE told.kind
    WHEN 'confirmed' THEN s.confirmed_version = told.sequence
    WHEN 'cancelled' THEN s.cancelled_version = told.sequence AND s.status = 'cancelled'
    WHEN 'rescheduled' THEN (
        made.previous_doctor_id, made.previous_clinic_id,
        made.previous_starts_at, made.previous_ends_at
    ) = (
        told.previous_doctor_id, told.previous_clinic_id,
        told.previous_starts_at, told.previous_ends_at
    )
    ELSE told.sequence = 1 AND s.origin = 'offer' AND EXISTS (
        SELECT FROM campaign_visits v
        WHERE v.appointment_id = s.visit_id AND v.doctor_id = told.previous_doctor_id
          AND v.starts_at = told.previous_starts_at
    )
END
), became (place, patient_id) AS (
    SELECT place, patient_id FROM borne_out
    UNION
    SELECT became.place, p.merged_into
    FROM became JOIN borne_out ON borne_out.place = became.place
    JOIN patient_facts p ON p.id = became.patient_id
    WHERE became.patient_id <> borne_out.patient_id_now
)
SELECT place FROM borne_out JOIN became USING (place)
WHERE became.patient_id = borne_out.patient_id_now
""")


class Proof(Protocol):
    """Tells which events are true."""

    async def forged(self, events: Sequence[AppointmentEvent]) -> set[int]: ...


class Rows:
    """The rows of appointments, as the proof of what is said of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def forged(self, events: Sequence[AppointmentEvent]) -> set[int]:
        """The places, in the list, of those that no row bears out. One statement for all."""
        likely = [(place, event) for place, event in enumerate(events) if _is_well_formed(event)]
        if not likely:
            return set(range(len(events)))
        asked = _asked([event for _, event in likely])

        async def look(cursor: Cursor) -> set[int]:
            return {row["place"] for row in await cursor.all(BORNE_OUT, asked)}

        found = await read_by_cursor(self._database, look)
        true = {place for number, (place, _) in enumerate(likely, start=1) if number in found}
        return set(range(len(events))) - true


def _is_well_formed(event: AppointmentEvent) -> bool:
    """Whether it is what this product says of a version: its id is derived, it never expires."""
    derived = event_id(event.appointment_id, event.sequence, event.type)
    leaves = event.type is EventType.RESCHEDULED or not EVENT_KINDS[event.type].of_visit
    return (
        event.event_id == derived
        and event.status is EVENT_KINDS[event.type].status
        and event.expires_at is None
        and (event.previous is not None) is leaves
    )


def _asked(events: Sequence[AppointmentEvent]) -> dict[str, object]:
    before = [event.previous for event in events]
    return {
        "ids": [event.appointment_id for event in events],
        "kinds": [EVENT_KINDS[event.type].name for event in events],
        "sequences": [event.sequence for event in events],
        "times": [event.time for event in events],
        "patients": [event.patient_id for event in events],
        "doctors": [event.doctor_id for event in events],
        "clinics": [event.clinic_id for event in events],
        "begins": [event.starts_at for event in events],
        "ends": [event.ends_at for event in events],
        "previous_doctors": [each and each.doctor_id for each in before],
        "previous_clinics": [each and each.clinic_id for each in before],
        "previous_begins": [each and each.starts_at for each in before],
        "previous_ends": [each and each.ends_at for each in before],
    }
