"""Days as the clinic's staff see them: the grid of some doctors, and who comes when."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.engine import RowMapping

from adapters.postgres.database import Connection
from adapters.postgres.openings import LONGEST_SLOT
from domain.booking import Status
from domain.rules import DoctorGrid
from domain.slot import day_bounds
from domain.staff_day import StaffDay, StaffShift, StaffVisit, compose_staff_day

# One who comes to another desk is not named here at all.
LIVE = text("""
SELECT d.id AS seen_from, s.id, s.doctor_id, s.starts_at, s.ends_at, s.status, s.version,
    s.overbook, CASE WHEN s.doctor_id = d.id AND p.erased_at IS NULL THEN p.full_name END AS patient
FROM doctors d
JOIN schedules s ON s.practitioner_id = d.practitioner_id
    AND s.occupies && tstzrange(:begins, :reach)
    AND (s.status <> 'held' OR s.held_until > clock_timestamp())
JOIN patients p ON p.id = s.patient_id
WHERE d.id = ANY(:doctor_ids)
""")

# What occupies no time any more, but was a visit: cancelled, or over by what was marked.
OVER = text("""
SELECT s.doctor_id AS seen_from, s.id, s.doctor_id, s.starts_at, s.ends_at, s.status, s.version,
    s.overbook, CASE WHEN p.erased_at IS NULL THEN p.full_name END AS patient
FROM schedules s JOIN patients p ON p.id = s.patient_id
WHERE s.doctor_id = ANY(:doctor_ids) AND s.starts_at >= :begins AND s.starts_at < :ends
  AND (s.status = 'cancelled' AND s.confirmed_at IS NOT NULL
       OR s.status IN ('completed', 'no_show'))
ORDER BY s.starts_at, s.created_at
""")

SHIFTS = text("""
SELECT d.id, d.practitioner_id, d.clinic_id, d.slot_minutes,
    (SELECT json_agg(json_build_array(lower(w.during), upper(w.during), w.state)) FROM shifts w
      WHERE w.doctor_id = d.id AND w.during && tstzrange(:begins, :ends)) AS shifts
FROM doctors d WHERE d.id = ANY(:doctor_ids)
""")


NAMES = text("""
SELECT s.id, p.full_name FROM schedules s JOIN patients p ON p.id = s.patient_id
WHERE s.id = ANY(:ids) AND p.erased_at IS NULL
""")


async def names_of(connection: Connection, appointment_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Whose appointments these are; who was erased is left out."""
    rows = await connection.execute(NAMES, {"ids": list(appointment_ids)})
    return {row.id: row.full_name for row in rows}


async def staff_days(
    connection: Connection,
    doctor_ids: Sequence[UUID],
    day: date,
    zone: ZoneInfo,
    *,
    now: datetime,
) -> dict[UUID, StaffDay]:
    """The local day of each of these doctors, who all go by the same clock."""
    bounds = day_bounds(day, zone)
    asked: Mapping[str, object] = {
        "doctor_ids": list(doctor_ids),
        "begins": bounds.starts_at,
        "ends": bounds.ends_at,
        "reach": bounds.ends_at + LONGEST_SLOT,
    }
    visits: dict[UUID, list[StaffVisit]] = {doctor_id: [] for doctor_id in doctor_ids}
    for statement in (LIVE, OVER):
        for row in (await connection.execute(statement, asked)).mappings():
            visits[row["seen_from"]].append(_visit(row))
    return {
        row["id"]: compose_staff_day(
            _desk(row, zone),
            day,
            [_shift(*each) for each in row["shifts"] or []],
            visits[row["id"]],
            now=now,
        )
        for row in (await connection.execute(SHIFTS, asked)).mappings()
    }


def _desk(row: RowMapping, zone: ZoneInfo) -> DoctorGrid:
    return DoctorGrid(
        doctor_id=row["id"],
        practitioner_id=row["practitioner_id"],
        clinic_id=row["clinic_id"],
        slot_minutes=row["slot_minutes"],
        zone=zone,
    )


def _visit(row: RowMapping) -> StaffVisit:
    return StaffVisit(
        appointment_id=row["id"],
        doctor_id=row["doctor_id"],
        starts_at=row["starts_at"].astimezone(UTC),
        ends_at=row["ends_at"].astimezone(UTC),
        status=Status(row["status"]),
        version=row["version"],
        patient=row["patient"],
        is_on_top=row["overbook"],
    )


def _shift(starts_at: str, ends_at: str, state: str) -> StaffShift:
    return StaffShift(
        starts_at=datetime.fromisoformat(starts_at).astimezone(UTC),
        ends_at=datetime.fromisoformat(ends_at).astimezone(UTC),
        is_closing=state == "closing",
    )
