"""A doctor's day for whoever moves a visit: as it would be without that visit."""

from datetime import date
from uuid import UUID

from adapters.postgres.database import Database
from adapters.postgres.days import DayBook
from api.booking.taken_offers import see_what_answers
from api.http.actor import Caller
from domain.booking import Appointment, Status
from domain.day import DaySchedule
from domain.errors import AppointmentNotFound
from domain.permissions import Whose
from domain.slot import Interval, day_of
from domain.zones import zone_named


async def moving_day(
    database: Database, doctor_id: UUID, day: date, *, moving: UUID, caller: Caller
) -> DaySchedule:
    """Read from the database each time. Raises `DoctorNotFound`, `AppointmentNotFound`."""
    visit = await _movable(database, moving, caller)
    return await day_without(database, doctor_id, day, visit)


async def day_without(
    database: Database, doctor_id: UUID, day: date, visit: Appointment
) -> DaySchedule:
    """For a caller who may move the visit. Raises `DoctorNotFound`."""
    stands = visit.status is Status.CONFIRMED
    book = DayBook(database)
    without = visit.appointment_id if stands else None
    found = await book.day(doctor_id, day, moving=without, minutes=visit.kept_minutes)
    schedule = found.day.at(found.now)
    own = _own_in(schedule, visit) if stands and visit.starts_at > found.now else None
    return schedule if own is None else schedule.with_own(own)


async def _movable(database: Database, appointment_id: UUID, caller: Caller) -> Appointment:
    """Whoever may not move it is told what they are told where there is none."""
    seen = await see_what_answers(database, appointment_id)
    if seen is None:
        raise AppointmentNotFound
    visit = seen.appointment
    whose = Whose(
        patient_id=visit.patient_id,
        practitioner_id=seen.practitioner_id,
        clinic_id=visit.clinic_id,
    )
    caller.check(whose, hidden=AppointmentNotFound)
    return visit


def _own_in(schedule: DaySchedule, visit: Appointment) -> Interval | None:
    """Where the visit stands, if that is on this day of this doctor."""
    here = day_of(visit.starts_at, zone_named(schedule.time_zone)) == schedule.date
    if visit.doctor_id != schedule.doctor_id or not here:
        return None
    return Interval(starts_at=visit.starts_at, ends_at=visit.ends_at or visit.starts_at)
