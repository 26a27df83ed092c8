"""A doctor's day as the clinic's staff see it: every live row at its own time, and what is free."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from domain.booking import Status
from domain.day import slots_beside
from domain.rules import DoctorGrid
from domain.slot import MINUTE, Interval, day_bounds


@dataclass(frozen=True, kw_only=True)
class StaffShift(Interval):
    """One that is closing keeps its visits and has nothing free."""

    is_closing: bool


@dataclass(frozen=True, kw_only=True)
class StaffVisit(Interval):
    """Who comes; `patient` is null where the name is nobody's to see, or is gone."""

    appointment_id: UUID
    doctor_id: UUID
    status: Status
    version: int
    patient: str | None
    is_on_top: bool = False
    """Booked on top of others, on purpose."""

    @property
    def occupies(self) -> bool:
        """Its time is nobody else's."""
        return self.status in {Status.HELD, Status.CONFIRMED, Status.ARRIVED}

    @property
    def is_shown(self) -> bool:
        """As a line of its own: also who has been seen, or did not come."""
        return self.status is not Status.CANCELLED


@dataclass(frozen=True, kw_only=True)
class StaffSlot(Interval):
    """A line of the day: a visit at its own time, on the grid or off it, or a slot of the grid.

    `elsewhere` is a visit that the same person has at another desk then.
    """

    visit: StaffVisit | None = None
    elsewhere: StaffVisit | None = None
    cancelled: tuple[StaffVisit, ...] = ()
    is_free: bool = False
    is_past: bool

    @property
    def is_listed(self) -> bool:
        """A time that has passed and that nobody had is of no use."""
        return not self.is_past or bool(self.visit or self.elsewhere or self.cancelled)

    def is_regular(self, slot_minutes: int) -> bool:
        """As long as the grid's slots are now."""
        return self.ends_at - self.starts_at == slot_minutes * MINUTE

    @property
    def mark(self) -> str:
        """Tells this state of the line from every other, for a page that is kept up to date."""
        visit = self.visit or self.elsewhere
        live = f"{visit.status}{visit.version}{visit.appointment_id.hex[:8]}" if visit else ""
        return f"{live}-{len(self.cancelled)}-{self.is_past:d}{self.is_free:d}"


@dataclass(frozen=True, kw_only=True)
class StaffDay:
    """One doctor's day: its shifts, each with its lines; between two of them is a gap."""

    doctor_id: UUID
    shifts: list[list[StaffSlot]]

    @property
    def slots(self) -> list[StaffSlot]:
        return [slot for shift in self.shifts for slot in shift]

    @property
    def visits(self) -> int:
        return sum(1 for slot in self.slots if slot.visit is not None)

    @property
    def has_more_to_come(self) -> bool:
        return any(not slot.is_past for slot in self.slots)

    @property
    def free(self) -> int:
        return sum(1 for slot in self.slots if slot.is_free)


def compose_staff_day(
    desk: DoctorGrid,
    day: date,
    shifts: Iterable[StaffShift],
    visits: Sequence[StaffVisit],
    *,
    now: datetime,
) -> StaffDay:
    """`visits`: the person's live rows at whatever desk, and those of this desk that are over."""
    bounds = day_bounds(day, desk.zone)
    live = [visit for visit in visits if visit.occupies]
    lines = {
        visit.appointment_id: _line_of(visit, desk, now)
        for visit in visits
        if visit.is_shown and bounds.starts_at <= visit.starts_at < bounds.ends_at
    }
    ordered = sorted(shifts, key=lambda shift: shift.starts_at)
    still_open = [shift for shift in ordered if not shift.is_closing]
    empty = [
        _empty(slot, now) for slot, rows in slots_beside(desk, bounds, still_open, live) if not rows
    ]
    told = _with_cancelled([*lines.values(), *empty], visits, now)
    return StaffDay(doctor_id=desk.doctor_id, shifts=_by_shift(told, ordered))


def _line_of(visit: StaffVisit, desk: DoctorGrid, now: datetime) -> StaffSlot:
    is_here = visit.doctor_id == desk.doctor_id
    return StaffSlot(
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        visit=visit if is_here else None,
        elsewhere=None if is_here else visit,
        is_past=visit.starts_at <= now,
    )


def _empty(slot: Interval, now: datetime) -> StaffSlot:
    is_past = slot.starts_at <= now
    return StaffSlot(
        starts_at=slot.starts_at, ends_at=slot.ends_at, is_free=not is_past, is_past=is_past
    )


def _with_cancelled(
    lines: Sequence[StaffSlot], visits: Sequence[StaffVisit], now: datetime
) -> list[StaffSlot]:
    """Each cancelled visit beside what is there now, else on a line of its own."""
    gone: dict[datetime, list[StaffVisit]] = {}
    for visit in visits:
        if not visit.is_shown:
            gone.setdefault(visit.starts_at, []).append(visit)
    told = [
        StaffSlot(**{**vars(line), "cancelled": tuple(gone.pop(line.starts_at, ()))})
        for line in lines
    ]
    alone = [
        StaffSlot(
            starts_at=starts_at,
            ends_at=visits_then[0].ends_at,
            cancelled=tuple(visits_then),
            is_past=starts_at <= now,
        )
        for starts_at, visits_then in gone.items()
    ]
    return sorted([*told, *alone], key=lambda line: line.starts_at)


def _by_shift(lines: Sequence[StaffSlot], shifts: Sequence[Interval]) -> list[list[StaffSlot]]:
    """A line stands in the last shift that has begun by then, so that none is left out."""
    if not shifts:
        return [list(lines)] if lines else []
    grouped: list[list[StaffSlot]] = [[] for _ in shifts]
    for line in lines:
        begun = [nth for nth, shift in enumerate(shifts) if shift.starts_at <= line.starts_at]
        grouped[begun[-1] if begun else 0].append(line)
    return grouped
