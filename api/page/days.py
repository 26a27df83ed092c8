"""What the booking page shows of a doctor's time: a strip of days, and one day by its parts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from adapters.postgres.database import Connection
from adapters.postgres.directory import Clinic, DoctorCard, find_clinic, find_doctor
from adapters.postgres.openings import Openings, openings_of
from adapters.postgres.visits import PatientVisit, visits_ahead
from domain.day import DaySchedule, ListedSlot
from domain.slot import Interval, day_bounds, day_of
from domain.zones import zone_named

DAYS = 14
NOON, EVENING = 12, 17
"""Hours of the clinic's wall clock at which the parts of a day begin."""
OFFERED = 5


@dataclass(frozen=True, kw_only=True)
class StripDay:
    """One day of the strip and how many slots it has free; a day off is not open."""

    date: date
    free: int
    is_open: bool


@dataclass(frozen=True, kw_only=True)
class PageSlot:
    """A slot as this patient sees it; `own` is the visit that the patient has in it."""

    local: datetime
    slot: ListedSlot
    own: PatientVisit | None


@dataclass(frozen=True, kw_only=True)
class DayPart:
    """`name` is morning, day or evening."""

    name: str
    slots: list[PageSlot]


def window_of(today: date, zone: ZoneInfo) -> Interval:
    """The instants of the strip's days."""
    last = today + timedelta(days=DAYS - 1)
    return Interval(
        starts_at=day_bounds(today, zone).starts_at, ends_at=day_bounds(last, zone).ends_at
    )


def strip_of(
    free: Iterable[Interval], ahead: Sequence[Interval], today: date, zone: ZoneInfo
) -> list[StripDay]:
    """`ahead`: the shifts that are not over."""
    counted = Counter(day_of(slot.starts_at, zone) for slot in free)
    strip = []
    for day in (today + timedelta(days=nth) for nth in range(DAYS)):
        bounds = day_bounds(day, zone)
        is_open = any(bounds.overlaps(shift) for shift in ahead)
        strip.append(StripDay(date=day, free=counted[day], is_open=is_open))
    return strip


def parts_of(schedule: DaySchedule, own: Sequence[PatientVisit], zone: ZoneInfo) -> list[DayPart]:
    """Only the parts that have slots; a slot that an own visit overlaps is one's own."""
    parts: dict[str, list[PageSlot]] = {"morning": [], "day": [], "evening": []}
    for slot in schedule.slots:
        local = slot.starts_at.astimezone(zone)
        found = PageSlot(local=local, slot=slot, own=_own_in(slot, own))
        parts[_part_of(local)].append(found)
    return [DayPart(name=name, slots=slots) for name, slots in parts.items() if slots]


def nearest(free: Sequence[Interval], wish: datetime, *, most: int = OFFERED) -> list[Interval]:
    """The free slots nearest to the one that was lost, earliest first."""
    by_distance = sorted(free, key=lambda slot: (abs(slot.starts_at - wish), slot.starts_at))
    return sorted(by_distance[:most], key=lambda slot: slot.starts_at)


def free_of(found: Sequence[Openings]) -> list[Interval]:
    return [slot for openings in found for slot in openings.free()]


def _own_in(slot: Interval, own: Sequence[PatientVisit]) -> PatientVisit | None:
    return next((visit for visit in own if visit.during.overlaps(slot)), None)


def _part_of(local: datetime) -> str:
    if local.hour < NOON:
        return "morning"
    return "day" if local.hour < EVENING else "evening"


@dataclass(frozen=True, kw_only=True)
class DoctorTimes:
    """A doctor, where the doctor receives, what is free in fourteen days, what the patient has."""

    doctor: DoctorCard
    clinic: Clinic
    today: date
    free: list[Interval]
    strip: list[StripDay]
    ahead: list[PatientVisit]

    @property
    def zone(self) -> ZoneInfo:
        return zone_named(self.doctor.time_zone)

    @property
    def first_day(self) -> date:
        """The day to open the page with: the nearest that has something free."""
        return day_of(self.free[0].starts_at, self.zone) if self.free else self.today

    def after(self, day: date) -> Interval | None:
        """The first free slot after that day, else the first of all."""
        later = (slot for slot in self.free if day_of(slot.starts_at, self.zone) > day)
        return next(later, self.free[0] if self.free else None)

    @property
    def own(self) -> list[PatientVisit]:
        """The patient's visits to this doctor."""
        return [
            visit for visit in self.ahead if visit.appointment.doctor_id == self.doctor.doctor_id
        ]


async def doctor_times(
    connection: Connection, doctor_id: UUID, patient_id: UUID | None
) -> DoctorTimes:
    """Raises `DoctorNotFound`."""
    doctor = await find_doctor(connection, doctor_id)
    zone = zone_named(doctor.time_zone)
    today = day_of(doctor.now, zone)
    openings = await openings_of(connection, [doctor_id], window_of(today, zone))
    free = free_of(openings)
    ahead = [shift for each in openings for shift in each.shifts if shift.ends_at > doctor.now]
    return DoctorTimes(
        doctor=doctor,
        clinic=await find_clinic(connection, doctor.clinic_id),
        today=today,
        free=free,
        strip=strip_of(free, ahead, today, zone),
        ahead=[] if patient_id is None else await visits_ahead(connection, patient_id),
    )
