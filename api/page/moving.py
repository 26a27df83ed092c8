"""Where a patient's visit may go: the days of a doctor without it, and who else there is."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID

from adapters.postgres.database import Connection, Database
from adapters.postgres.directory import DoctorCard, find_clinic, find_doctor, list_doctors
from adapters.postgres.openings import openings_of
from adapters.postgres.reads import read
from adapters.postgres.visits import PatientVisit, visits_ahead
from api.page.days import DAYS, DayPart, DoctorTimes, free_of, parts_of, strip_of, window_of
from api.schedule.moving_day import day_without
from domain.day import SlotState
from domain.errors import DoctorNotFound
from domain.slot import day_of
from domain.zones import zone_named

COLLEAGUES = 12
"""Of the same specialty, those of the visit's clinic first; of more, one books anew."""
STRIP = timedelta(days=DAYS)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the page was asked for: a doctor, a day, or the day of a time that was lost."""

    doctor_id: UUID | None = None
    day: date | None = None
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class WhereTo:
    """The visit that moves, and fourteen days of the doctor chosen for it with `day` in them."""

    visit: PatientVisit
    times: DoctorTimes
    day: date
    others: list[DoctorCard]

    @property
    def earlier(self) -> date | None:
        """A day of the strip before this one; there is none before today's."""
        begins = self.times.strip[0].date
        return begins - STRIP if begins > self.times.today else None

    @property
    def later(self) -> date:
        return self.times.strip[0].date + STRIP

    def ends_at(self, starts_at: datetime) -> datetime:
        """A visit keeps the minutes that it was booked with."""
        minutes = self.visit.appointment.kept_minutes or self.times.doctor.slot_minutes
        return starts_at + timedelta(minutes=minutes)


async def where_to(
    database: Database, visit: PatientVisit, wish: Wish, *, with_others: bool = False
) -> WhereTo:
    """Raises `DoctorNotFound`, also for a doctor of another specialty."""
    ask = partial(_look, visit=visit, wish=wish, with_others=with_others)
    return await read(database, ask)


async def day_parts_of(
    database: Database, found: WhereTo, *, names_others: bool = True
) -> list[DayPart]:
    """The day without the visit; a time when the patient is elsewhere leads there.

    Whoever is not to be told of the patient's other visits sees that time as taken.
    """
    doctor_id, visit = found.times.doctor.doctor_id, found.visit.appointment
    schedule = await day_without(database, doctor_id, found.day, visit)
    if names_others:
        return parts_of(schedule, found.times.ahead, found.times.zone)
    spans = [each.during for each in found.times.ahead]
    return parts_of(schedule.taken_by(spans), [], found.times.zone)


async def is_free(database: Database, found: WhereTo, starts_at: datetime) -> bool:
    """For this visit, at this moment."""
    doctor_id, visit = found.times.doctor.doctor_id, found.visit.appointment
    day = day_of(starts_at, found.times.zone)
    slots = (await day_without(database, doctor_id, day, visit)).slots
    return any(each.starts_at == starts_at and each.state is SlotState.FREE for each in slots)


async def _look(
    connection: Connection, *, visit: PatientVisit, wish: Wish, with_others: bool
) -> WhereTo:
    doctor = await find_doctor(connection, wish.doctor_id or visit.appointment.doctor_id)
    if doctor.specialty != visit.specialty:
        raise DoctorNotFound
    day = _day_of(visit, doctor, wish)
    return WhereTo(
        visit=visit,
        times=await _times(connection, visit, doctor, day),
        day=day,
        others=await _colleagues(connection, visit) if with_others else [],
    )


def _day_of(visit: PatientVisit, doctor: DoctorCard, wish: Wish) -> date:
    """Where nothing else is asked for: the visit's own day; with another, the soonest."""
    booked, zone = visit.appointment, zone_named(doctor.time_zone)
    if wish.day is not None:
        return wish.day
    if wish.at is not None:
        return day_of(wish.at, zone)
    is_own = doctor.doctor_id == booked.doctor_id
    return day_of(booked.starts_at if is_own else doctor.next_free or doctor.now, zone)


async def _times(
    connection: Connection, visit: PatientVisit, doctor: DoctorCard, day: date
) -> DoctorTimes:
    """What is free for the patient in the fourteen days that have this one."""
    moving, zone = visit.appointment, zone_named(doctor.time_zone)
    today = day_of(doctor.now, zone)
    begins = today + max(0, (day - today) // STRIP) * STRIP
    openings = await openings_of(
        connection,
        [doctor.doctor_id],
        window_of(begins, zone),
        patient_id=moving.patient_id,
        moving=moving,
    )
    stands = moving.starts_at if moving.doctor_id == doctor.doctor_id else None
    free = [slot for slot in free_of(openings) if slot.starts_at != stands]
    shifts = [shift for each in openings for shift in each.shifts if shift.ends_at > doctor.now]
    ahead = await visits_ahead(connection, moving.patient_id)
    return DoctorTimes(
        doctor=doctor,
        clinic=await find_clinic(connection, doctor.clinic_id),
        today=today,
        free=free,
        strip=strip_of(free, shifts, begins, zone),
        ahead=[each for each in ahead if each.appointment.appointment_id != moving.appointment_id],
    )


async def _colleagues(connection: Connection, visit: PatientVisit) -> list[DoctorCard]:
    """With the visit's own doctor, who comes first."""
    of_specialty = partial(list_doctors, connection, limit=COLLEAGUES, specialty=visit.specialty)
    here = await of_specialty(clinic_id=visit.appointment.clinic_id)
    everywhere = [] if len(here) == COLLEAGUES else await of_specialty()
    own = await find_doctor(connection, visit.appointment.doctor_id)
    by_id = {each.doctor_id: each for each in (own, *here, *everywhere)}
    return list(by_id.values())[:COLLEAGUES]
