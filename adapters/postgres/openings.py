"""What several doctors have free over several days, from one statement."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import dropwhile
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import RowMapping

from adapters.postgres.database import Connection
from domain.booking import Appointment
from domain.day import free_slots
from domain.rules import DoctorGrid
from domain.slot import Interval
from domain.zones import zone_named

LONGEST_SLOT = timedelta(minutes=480)
"""By constraint doctors_slot_minutes: what begins this much after a window cannot touch it."""

# Adjacent visits melt into one range, so a full month is as short an answer as an empty one.
OPENINGS = text("""
WITH patient AS MATERIALIZED (
    SELECT range_agg(occupies) AS busy FROM schedules
    WHERE patient_id = :patient_id AND occupies && tstzrange(:window_from, :reach_until)
      AND (status <> 'held' OR held_until > clock_timestamp())
      AND id IS DISTINCT FROM CAST(:moving AS uuid)
)
SELECT d.id, d.practitioner_id, d.clinic_id, d.slot_minutes, c.time_zone,
    clock_timestamp() AS now,
    (SELECT json_agg(json_build_array(lower(w.during), upper(w.during))) FROM shifts w
      WHERE w.doctor_id = d.id AND w.during && tstzrange(:window_from, :window_until)
        AND w.state = 'open') AS shifts,
    (SELECT json_agg(json_build_array(lower(span), upper(span))) FROM (
        SELECT unnest(range_agg(s.occupies)) AS span FROM schedules s
        WHERE s.practitioner_id = d.practitioner_id
          AND s.occupies && tstzrange(:window_from, :reach_until)
          AND (s.status <> 'held' OR s.held_until > clock_timestamp())
          AND s.id IS DISTINCT FROM CAST(:moving AS uuid)
        UNION ALL SELECT unnest(busy) FROM patient
     ) spans) AS busy,
    ARRAY(SELECT o.id FROM doctors o
      WHERE o.specialty = d.specialty AND o.clinic_id = d.clinic_id AND o.id <> d.id
        AND :with_colleagues AND (CAST(:service_id AS uuid) IS NULL OR EXISTS (
            SELECT FROM doctor_services f WHERE f.doctor_id = o.id AND f.service_id = :service_id))
      ORDER BY o.id LIMIT 20) AS colleagues,
    coalesce(CAST(:minutes AS integer),
             (SELECT minutes FROM services WHERE id = :service_id)) AS minutes
FROM doctors d JOIN clinics c ON c.id = d.clinic_id
WHERE d.id = ANY(:doctor_ids)
""")


@dataclass(frozen=True, kw_only=True)
class Openings:
    """One doctor's shifts and the time in them that is not to be had.

    `minutes` is how long the visit lasts, where that is not the doctor's own slot.
    """

    desk: DoctorGrid
    now: datetime
    window: Interval
    shifts: list[Interval]
    busy: list[Interval]
    colleagues: list[UUID]
    minutes: int | None

    def free(self) -> Iterator[Interval]:
        """The free slots that begin in the window and after now, earliest first."""
        free = free_slots(self.desk, self.window, self.shifts, self.busy, minutes=self.minutes)
        return dropwhile(lambda slot: slot.starts_at <= self.now, free)


async def openings_of(  # noqa: PLR0913 - each narrows what is asked
    connection: Connection,
    doctor_ids: Sequence[UUID],
    window: Interval,
    *,
    patient_id: UUID | None = None,
    with_colleagues: bool = False,
    service_id: UUID | None = None,
    moving: Appointment | None = None,
) -> list[Openings]:
    """In no order; without the time when this patient is busy, if one is named.

    `moving`: a visit whose own time is in nobody's way, and which keeps its minutes. A service
    is looked for where all of it fits.

    `colleagues` (at most 20) are the doctors of the same specialty and clinic, if asked for, who
    offer the service.
    """
    parameters = {
        "doctor_ids": list(doctor_ids),
        "window_from": window.starts_at,
        "window_until": window.ends_at,
        "reach_until": window.ends_at + LONGEST_SLOT,
        "patient_id": patient_id,
        "with_colleagues": with_colleagues,
        "service_id": service_id,
        "moving": moving.appointment_id if moving else None,
        "minutes": moving.kept_minutes if moving else None,
    }
    found = await connection.execute(OPENINGS, parameters)
    return [_openings(row, window) for row in found.mappings()]


def _openings(row: RowMapping, window: Interval) -> Openings:
    return Openings(
        desk=DoctorGrid(
            doctor_id=row["id"],
            practitioner_id=row["practitioner_id"],
            clinic_id=row["clinic_id"],
            slot_minutes=row["slot_minutes"],
            zone=zone_named(row["time_zone"]),
        ),
        now=row["now"],
        window=window,
        shifts=[_interval(*bounds) for bounds in row["shifts"] or []],
        busy=[_interval(*bounds) for bounds in row["busy"] or []],
        colleagues=row["colleagues"],
        minutes=row["minutes"],
    )


def _interval(starts_at: str, ends_at: str) -> Interval:
    return Interval(
        starts_at=datetime.fromisoformat(starts_at).astimezone(UTC),
        ends_at=datetime.fromisoformat(ends_at).astimezone(UTC),
    )
