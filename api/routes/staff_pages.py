"""The pages of the clinic's staff: a doctor's day, and the reception desk."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from itertools import islice
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from adapters.postgres.database import Connection
from adapters.postgres.demo_patients import DemoPatient, demo_patient, demo_patients_named
from adapters.postgres.directory import (
    Clinic,
    DoctorCard,
    Specialty,
    clinic_of,
    find_clinic,
    find_doctor,
    list_clinics,
    list_doctors,
    list_specialties,
)
from adapters.postgres.inbox import notices_of
from adapters.postgres.openings import openings_of
from adapters.postgres.reads import read
from adapters.postgres.staff_days import staff_days
from api.booking.temporal_errors import NoAnswer
from api.dependencies import BookingsDep, CommandsDep, DatabaseDep, Days, LiveStreams, WatchedDays
from api.http.actor import DayReaderCaller, DeskCaller, forbidden
from api.http.name_cursors import cursor_after, place_after
from api.http.refusals import note_refusal
from api.http.schemas import Id, Instant, Text
from api.http.streams import Event, merged
from api.http.whose import check_doctor
from api.page.days import window_of
from api.page.doctors_day import DoctorsDay
from api.page.forms import OwnForm, local, see
from api.page.rendering import page
from api.page.visitor import Anybody
from api.routes.schedule import LocalDate
from api.schedule.live_days import LiveDays
from domain.day import DaySchedule
from domain.errors import DoctorNotFound, PatientNotFound, Refused
from domain.slot import Interval, day_of
from domain.staff_day import StaffDay
from domain.zones import zone_named

Word = Annotated[Text | None, Query()]
ChosenDate = Annotated[LocalDate | None, Query(alias="date")]

NOTICES = 8
SIDE_BY_SIDE = 12
"""Doctors on one page of the reception; each is a day that the page follows."""
NEAREST = 6
FOUND = 6
"""Patients of one search; where there are more, the page says so."""
CLINICS = 200
"""In the list to choose from; another clinic is shown all the same where it is asked for."""
WANTED = 100
DOCTORS_HERE = "doctors of the reception"

router = APIRouter(include_in_schema=False)


@router.get("/doctor/{doctor_id}")
async def doctor_day(
    doctor_id: Id,
    caller: DayReaderCaller,
    visitor: Anybody,
    database: DatabaseDep,
    chosen: ChosenDate = None,
) -> Response:
    """One day by its time: who comes when, where the gaps are, and what has changed of late."""
    await check_doctor(caller, database, doctor_id)

    async def ask(connection: Connection) -> DoctorsDay:
        doctor = await find_doctor(connection, doctor_id)
        zone = zone_named(doctor.time_zone)
        day = chosen or day_of(doctor.now, zone)
        days = await staff_days(connection, [doctor_id], day, zone, now=doctor.now)
        return DoctorsDay(
            doctor=doctor,
            clinic=await find_clinic(connection, doctor.clinic_id),
            day=day,
            staff=days[doctor_id],
            notices=await notices_of(connection, doctor_id, limit=NOTICES, before=None),
        )

    return page(visitor, "doctor.html", here="doctor", found=await read(database, ask))


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A free time that the reception may offer."""

    doctor: DoctorCard
    starts_at: datetime


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What the reception sees: some doctors of one clinic side by side on one day."""

    clinics: list[Clinic]
    clinic: Clinic | None
    day: date | None
    columns: list[tuple[DoctorCard, StaffDay]]
    further: str | None
    nearest: list["Offer"]
    specialties: list[Specialty]
    patient: DemoPatient | None
    matches: list[DemoPatient]
    has_more_matches: bool


@router.get("/reception")
async def reception(  # noqa: PLR0913 - each is a part of the request
    *,
    caller: DeskCaller,
    visitor: Anybody,
    database: DatabaseDep,
    chosen: ChosenDate = None,
    clinic: Id | None = None,
    specialty: Word = None,
    q: Word = None,
    patient: Id | None = None,
    note: Word = None,
    about: Id | None = None,
    after: Word = None,
) -> Response:
    """Find the patient, see several doctors' free time, book in one click."""

    async def ask(connection: Connection) -> Desk:
        sees = caller.sees
        own = None if sees.everything else sees.clinic_ids
        clinics = await list_clinics(connection, limit=CLINICS, ids=own)
        is_own = clinic is not None and (own is None or clinic in own)
        here = await clinic_of(connection, clinic) if clinic is not None and is_own else None
        here = here or next(iter(clinics), None)
        if here is not None and here not in clinics:
            clinics = [here, *clinics]
        wanted, specialties = [], list[Specialty]()
        if here is not None:
            wanted = await _doctors(connection, here.clinic_id, specialty, after)
            specialties = await list_specialties(connection, limit=WANTED, clinic_id=here.clinic_id)
        named = wanted[:SIDE_BY_SIDE]
        day, columns, nearest = chosen, [], []
        if here is not None and named:
            zone, now = zone_named(here.time_zone), named[0].now
            day = chosen or day_of(now, zone)
            ids = [each.doctor_id for each in named]
            days = await staff_days(connection, ids, day, zone, now=now)
            columns = [(each, days[each.doctor_id]) for each in named]
            nearest = await _nearest(connection, wanted, window_of(day, zone))
        matches = [] if q is None else await demo_patients_named(connection, q, limit=FOUND + 1)
        return Desk(
            clinics=clinics,
            clinic=here,
            day=day,
            columns=columns,
            further=cursor_after(named[-1].name, named[-1].doctor_id, of=DOCTORS_HERE)
            if len(wanted) > len(named)
            else None,
            nearest=nearest,
            specialties=specialties,
            patient=None if patient is None else await demo_patient(connection, patient),
            matches=matches[:FOUND],
            has_more_matches=len(matches) > FOUND,
        )

    found = await read(database, ask)
    chosen_before = {"q": q, "specialty": specialty, "after": after}
    return page(
        visitor,
        "reception.html",
        here="reception",
        found=found,
        chosen=chosen_before,
        note=note,
        about=about,
    )


@router.get("/reception/stream")
async def reception_stream(  # noqa: PLR0913 - what a stream needs is asked for by name
    *,
    caller: DeskCaller,
    clinic: Id,
    day: Annotated[LocalDate, Query(alias="date")],
    request: Request,
    database: DatabaseDep,
    days: Days,
    live: WatchedDays,
    streams: LiveStreams,
    specialty: Word = None,
    after: Word = None,
) -> Response:
    """That one of the doctors' days has changed; a stream each would be more than browsers open."""
    if not caller.sees.everything and clinic not in caller.sees.clinic_ids:
        raise forbidden()
    wanted = await read(
        database, partial(_doctors, clinic_id=clinic, specialty=specialty, after=after)
    )
    named = wanted[:SIDE_BY_SIDE]
    firsts = [(await days.read(each.doctor_id, day))[0] for each in named]
    return streams.answer(request, merged([_changes(live, first) for first in firsts]))


@router.post("/reception/book")
async def book(  # noqa: PLR0913 - each is a part of the form
    *,
    _: OwnForm,
    caller: DeskCaller,
    holds: BookingsDep,
    commands: CommandsDep,
    patient: Annotated[Id, Form()],
    doctor: Annotated[Id, Form()],
    at: Annotated[Instant, Form()],
    back: Annotated[str, Form()] = "/reception",
) -> Response:
    """Hold and confirm at once: the patient stands at the desk, or is on the telephone."""
    try:
        held = await holds.hold(patient, doctor, at, None, by=caller.actor, at_desk=True)
        booked = await commands.confirm(held.appointment.appointment_id, caller.actor)
    except NoAnswer as unknown:
        return _back(back, "pending", unknown.appointment_id)
    except (DoctorNotFound, PatientNotFound):
        raise
    except Refused as refused:
        note_refusal(refused, patient_id=patient, doctor_id=doctor)
        return _back(back, refused.refusal.code, refused.refusal.appointment_id)
    return _back(back, "booked", booked.appointment_id)


async def _doctors(
    connection: Connection, clinic_id: UUID, specialty: str | None, after: str | None
) -> list[DoctorCard]:
    """Those of the page, and some more behind them for the nearest free times."""
    return await list_doctors(
        connection,
        limit=WANTED,
        clinic_id=clinic_id,
        specialty=specialty,
        after=place_after(after, of=DOCTORS_HERE),
    )


async def _nearest(
    connection: Connection, doctors: Sequence[DoctorCard], window: Interval
) -> list[Offer]:
    """The earliest free times of all of them, from the day on."""
    cards = {each.doctor_id: each for each in doctors}
    found = [
        Offer(doctor=cards[openings.desk.doctor_id], starts_at=slot.starts_at)
        for openings in await openings_of(connection, list(cards), window)
        for slot in islice(openings.free(), NEAREST)
    ]
    return sorted(found, key=lambda offer: (offer.starts_at, offer.doctor.name))[:NEAREST]


async def _changes(live: LiveDays, first: DaySchedule) -> AsyncGenerator[Event]:
    """That the day is another now; the page itself shows how.

    It is told of once at the beginning: the page may have been made before the stream was open.
    """
    yield _news_of(first)
    async for later in live.changes(first):
        yield _news_of(later)


def _news_of(day: DaySchedule) -> Event:
    return Event(name="day", data={"doctorId": str(day.doctor_id), "version": day.version})


def _back(path: str, note: str, about: UUID | None) -> Response:
    kept = local(path)
    query = urlencode({"note": note, **({"about": str(about)} if about else {})})
    return see(f"{kept}{'&' if '?' in kept else '?'}{query}")
