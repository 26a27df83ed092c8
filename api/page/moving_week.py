"""Where a visit may go: a doctor's week as it would be without that visit, times in line."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from uuid import UUID
from zoneinfo import ZoneInfo

from adapters.postgres.database import Connection
from adapters.postgres.directory import DoctorCard, find_doctor
from adapters.postgres.openings import openings_of
from adapters.postgres.visits import PatientVisit
from api.page.days import free_of
from domain.slot import Interval, day_bounds, day_of
from domain.zones import zone_named

DAYS = 7
MOST_TIMES = 400
"""On one page: very many are a burden on whoever opens it. The days after are a link away."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A time that the visit may have; its own is the one that it has."""

    starts_at: datetime
    is_own: bool


@dataclass(frozen=True, kw_only=True)
class TimeRow:
    """One time by the clock, and what each day has then; two where the clocks show it twice."""

    clock: str
    cells: list[list[Place]]


@dataclass(frozen=True, kw_only=True)
class MovingWeek:
    """Seven days of a doctor for whoever moves this visit; fewer, of very many times."""

    doctor: DoctorCard
    days: list[date]
    rows: list[TimeRow]
    today: date

    @property
    def before(self) -> date | None:
        """Where the week before begins, if some of it is ahead."""
        first = self.days[0]
        return max(self.today, first - timedelta(days=DAYS)) if first > self.today else None

    @property
    def after(self) -> date:
        return self.days[-1] + timedelta(days=1)

    @property
    def has_free(self) -> bool:
        return any(not each.is_own for row in self.rows for cell in row.cells for each in cell)


async def moving_week(
    connection: Connection, visit: PatientVisit, doctor_id: UUID, first: date | None
) -> MovingWeek:
    """From that day on, else from the visit's own. Raises `DoctorNotFound`.

    Times at which the patient has another visit are none.
    """
    doctor = await find_doctor(connection, doctor_id)
    zone, booked = zone_named(doctor.time_zone), visit.appointment
    today = day_of(doctor.now, zone)
    begins = max(today, first or day_of(booked.starts_at, zone))
    days = [begins + timedelta(days=nth) for nth in range(DAYS)]
    window = Interval(
        starts_at=day_bounds(days[0], zone).starts_at, ends_at=day_bounds(days[-1], zone).ends_at
    )
    found = await openings_of(
        connection, [doctor_id], window, patient_id=booked.patient_id, moving=booked
    )
    places = {slot.starts_at: False for slot in free_of(found)}
    if booked.doctor_id == doctor_id and window.starts_at <= booked.starts_at < window.ends_at:
        places[booked.starts_at] = True
    shown = _that_fit(days, places, zone)
    return MovingWeek(
        doctor=doctor, days=shown, rows=_rows(places.items(), shown, zone), today=today
    )


def _that_fit(days: list[date], times: Iterable[datetime], zone: ZoneInfo) -> list[date]:
    """The first of them; one at least."""
    counted = Counter(day_of(each, zone) for each in times)
    so_far = accumulate(counted[day] for day in days)
    return [day for day, count in zip(days, so_far, strict=True) if count <= MOST_TIMES] or days[:1]


def _rows(
    places: Iterable[tuple[datetime, bool]], days: list[date], zone: ZoneInfo
) -> list[TimeRow]:
    by_clock: dict[str, dict[date, list[Place]]] = defaultdict(lambda: defaultdict(list))
    for starts_at, is_own in sorted(places):
        local = starts_at.astimezone(zone)
        if local.date() not in days:
            continue
        by_clock[f"{local:%H:%M}"][local.date()].append(Place(starts_at=starts_at, is_own=is_own))
    return [
        TimeRow(clock=clock, cells=[of_day.get(day, []) for day in days])
        for clock, of_day in sorted(by_clock.items())
    ]
