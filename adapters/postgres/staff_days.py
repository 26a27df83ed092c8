"""Days as the clinic's staff see them: the grid of some doctors, and who comes in each slot."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.demo_patients import MADE_UP
from domain.booking import Status
from domain.slot import Interval, day_bounds, slots_of

# Until somebody signs in, only patients who do not exist are named to whoever opens the page.
VISITS = text(f"""
SELECT s.id, s.doctor_id, s.starts_at, s.ends_at, s.status,
    CASE WHEN {MADE_UP} THEN p.full_name END AS patient
FROM schedules s JOIN patients p ON p.id = s.patient_id
WHERE s.doctor_id = ANY(:doctor_ids) AND s.starts_at >= :begins AND s.starts_at < :ends
  AND (s.status = 'confirmed' OR s.status = 'held' AND s.held_until > clock_timestamp()
       OR s.status = 'cancelled' AND s.confirmed_at IS NOT NULL)
ORDER BY s.starts_at, s.created_at
""")  # noqa: S608 - our own condition

SHIFTS = text("""
SELECT w.doctor_id, lower(w.during) AS starts_at, upper(w.during) AS ends_at, d.slot_minutes
FROM shifts w JOIN doctors d ON d.id = w.doctor_id
WHERE w.doctor_id = ANY(:doctor_ids) AND w.during && tstzrange(:begins, :ends)
ORDER BY lower(w.during)
""")


@dataclass(frozen=True, kw_only=True)
class StaffVisit(Interval):
    """Who comes; `patient` is null where the name is nobody's to see."""

    appointment_id: UUID
    doctor_id: UUID
    status: Status
    patient: str | None

    @property
    def is_live(self) -> bool:
        return self.status is not Status.CANCELLED


@dataclass(frozen=True, kw_only=True)
class StaffSlot(Interval):
    """A slot of the grid, who has it, and whose visit in it was cancelled."""

    visit: StaffVisit | None
    cancelled: tuple[StaffVisit, ...]
    is_past: bool

    @property
    def is_free(self) -> bool:
        return self.visit is None and not self.is_past

    @property
    def mark(self) -> str:
        """Tells this state of the slot from every other, for a page that is kept up to date."""
        visit = f"{self.visit.status}{self.visit.appointment_id}" if self.visit else ""
        return f"{visit}-{len(self.cancelled)}-{self.is_past}"


@dataclass(frozen=True, kw_only=True)
class StaffDay:
    """One doctor's day: its shifts, each with its slots; between two of them is a gap."""

    doctor_id: UUID
    shifts: list[list[StaffSlot]]

    @property
    def slots(self) -> list[StaffSlot]:
        return [slot for shift in self.shifts for slot in shift]

    @property
    def visits(self) -> int:
        return sum(1 for slot in self.slots if slot.visit is not None)

    @property
    def free(self) -> int:
        return sum(1 for slot in self.slots if slot.is_free)


async def staff_days(
    connection: AsyncConnection,
    doctor_ids: Sequence[UUID],
    day: date,
    zone: ZoneInfo,
    *,
    now: datetime,
) -> dict[UUID, StaffDay]:
    """The local day of each of these doctors, who all go by the same clock."""
    bounds = day_bounds(day, zone)
    asked = {"doctor_ids": list(doctor_ids), "begins": bounds.starts_at, "ends": bounds.ends_at}
    visits = [_visit(row) for row in (await connection.execute(VISITS, asked)).mappings()]
    by_start: dict[tuple[UUID, datetime], list[StaffVisit]] = {}
    for visit in visits:
        by_start.setdefault((visit.doctor_id, visit.starts_at), []).append(visit)
    days = {doctor_id: StaffDay(doctor_id=doctor_id, shifts=[]) for doctor_id in doctor_ids}
    for row in (await connection.execute(SHIFTS, asked)).mappings():
        shift = Interval(starts_at=_utc(row["starts_at"]), ends_at=_utc(row["ends_at"]))
        slots = [
            _slot(slot, by_start.get((row["doctor_id"], slot.starts_at), []), now)
            for slot in slots_of(shift, row["slot_minutes"], zone)
            if bounds.starts_at <= slot.starts_at < bounds.ends_at
        ]
        days[row["doctor_id"]].shifts.append(slots)
    return days


def _slot(slot: Interval, found: Sequence[StaffVisit], now: datetime) -> StaffSlot:
    return StaffSlot(
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        visit=next((visit for visit in found if visit.is_live), None),
        cancelled=tuple(visit for visit in found if not visit.is_live),
        is_past=slot.starts_at <= now,
    )


def _visit(row: RowMapping) -> StaffVisit:
    return StaffVisit(
        appointment_id=row["id"],
        doctor_id=row["doctor_id"],
        starts_at=_utc(row["starts_at"]),
        ends_at=_utc(row["ends_at"]),
        status=Status(row["status"]),
        patient=row["patient"],
    )


def _utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)
