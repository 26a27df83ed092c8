"""The patient's pages before a visit: whom to see, and when. One click holds a slot."""

from collections.abc import Mapping
from datetime import datetime, time
from functools import partial
from typing import Annotated, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from pydantic import Field
from starlette.responses import Response

from adapters.postgres.booking_rules import BookingRules, booking_rules
from adapters.postgres.database import Connection
from adapters.postgres.reads import read
from adapters.postgres.slot_search import Wish
from api.booking.temporal_errors import NoAnswer
from api.dependencies import BookingsDep, DatabaseDep, Days, DemoPatientsDep, Settings
from api.http.actor import FOR_ANYBODY, Booker
from api.http.cursors import Cursor, cursor_of, place_of
from api.http.dates import LocalDate
from api.http.refusals import note_refusal
from api.http.schemas import Id, Instant, Text
from api.page import visitor as visitors
from api.page.days import DoctorTimes, doctor_times, nearest, parts_of
from api.page.directory import directory
from api.page.empty_days import why_empty_day
from api.page.forms import OwnForm, keep, local, see
from api.page.rendering import page
from api.page.visitor import Patient, PatientOrNobody
from api.page.wording import minutes
from domain.day import SlotState
from domain.documents import timestamp
from domain.errors import AlreadyBooked, AlreadyHeld, DoctorNotFound, PatientNotFound, Refused
from domain.search import TimesWished
from domain.slot import day_of

Word = Annotated[Text | None, Query()]
Weekday = Annotated[int, Field(ge=1, le=7)]
EVERY_DAY = range(1, 8)

router = APIRouter(include_in_schema=False)


@router.get("/", dependencies=[FOR_ANYBODY])
async def doctors(  # noqa: PLR0913 - each is a part of the wish
    *,
    visitor: PatientOrNobody,
    database: DatabaseDep,
    settings: Settings,
    specialty: Word = None,
    clinic: Id | None = None,
    earliest: Annotated[Literal["", "12:00", "15:00", "17:00", "18:00"], Query()] = "",
    weekdays: Annotated[list[Weekday] | None, Query()] = None,
    cursor: Cursor = None,
    clinics: Cursor = None,
    specialties: Cursor = None,
) -> Response:
    """Where the links in patients' messages lead: whom to see, and when each is free next.

    If the patient says when, the times of everybody that fit, soonest first.
    """
    days = sorted(set(weekdays or ()))
    times = TimesWished(
        weekdays=frozenset(days or EVERY_DAY),
        earliest=time.fromisoformat(earliest) if earliest else time.min,
        latest=time.max,
    )
    wish = Wish(times=times, specialty=specialty, clinic_id=clinic)
    of = f"times of {specialty} {clinic} {days} {earliest}"
    after = place_of(cursor, of=of)

    ask = partial(
        directory,
        wish=wish,
        language=visitor.language,
        says_when=bool(earliest or days),
        after=after,
        patient_id=visitor.patient_id,
        clinics_after=clinics,
        specialties_after=specialties,
    )
    found = await read(database, ask)
    chosen = {"specialty": specialty, "clinic": clinic, "earliest": earliest, "weekdays": days}
    further = found.times.following if found.times else None
    following = None if further is None else cursor_of(further, of=of)
    return page(
        visitor,
        "doctors.html",
        here="book",
        found=found,
        chosen=chosen,
        following=following,
        hold_minutes=minutes(settings.hold_seconds),
    )


@router.get("/book/{doctor_id}", dependencies=[FOR_ANYBODY])
async def times(  # noqa: PLR0913 - each is a part of the request
    *,
    doctor_id: Id,
    visitor: PatientOrNobody,
    database: DatabaseDep,
    days: Days,
    settings: Settings,
    chosen: Annotated[LocalDate | None, Query(alias="date")] = None,
    note: Word = None,
    rule: Word = None,
    at: Annotated[Instant | None, Query()] = None,
    about: Annotated[Id | None, Query()] = None,
) -> Response:
    """Fourteen days, and the slots of one; `note` says why the slot `at` was not held."""

    async def ask(connection: Connection) -> tuple[DoctorTimes, BookingRules]:
        patient_id = visitor.patient_id
        times = await doctor_times(connection, doctor_id, patient_id)
        return times, await booking_rules(connection, doctor_id, patient_id)

    found, rules = await read(database, ask)
    day = chosen or (found.first_day if at is None else day_of(at, found.zone))
    schedule, _ = await days.read(doctor_id, day)
    has_free = any(slot.state is SlotState.FREE for slot in schedule.slots)
    return page(
        visitor,
        "times.html",
        here="book",
        found=found,
        rules=rules,
        day=day,
        version=schedule.version,
        parts=parts_of(schedule, found.own, found.zone),
        why=None if has_free else await why_empty_day(database, doctor_id, day),
        note=note,
        rule=rule,
        lost=at,
        about=about,
        most_holds=settings.max_holds_per_patient,
        nearest=[] if at is None or note == "rule" else nearest(found.free, at),
    )


@router.post("/book/{doctor_id}")
async def hold(
    *,
    _: OwnForm,
    caller: Booker,
    doctor_id: Id,
    visitor: Patient,
    desk: BookingsDep,
    at: Annotated[Instant, Form()],
) -> Response:
    """The slot is the patient's to confirm; a second click on it leads to the same hold."""
    patient_id = visitor.signed_in.patient_id
    try:
        held = await desk.hold(patient_id, doctor_id, at, None, by=caller.actor)
    except (AlreadyHeld, AlreadyBooked) as own:
        note_refusal(own, patient_id=patient_id, doctor_id=doctor_id)
        return see(f"/visits/{own.refusal.appointment_id}")
    except NoAnswer as unknown:
        return see(f"/visits/{unknown.appointment_id}")
    except (DoctorNotFound, PatientNotFound):
        raise
    except Refused as refused:
        note_refusal(refused, patient_id=patient_id, doctor_id=doctor_id)
        return see(_back_to(doctor_id, at, refused))
    return see(f"/visits/{held.appointment.appointment_id}")


@router.post("/patient", dependencies=[FOR_ANYBODY])
async def be_another(
    _: OwnForm,
    request: Request,
    desk: DemoPatientsDep,
    patient: Annotated[Id, Form()],
    back: Annotated[str, Form()] = "/",
) -> Response:
    """Sign-in takes the place of this one."""
    answer = see(local(back))
    if await desk.one(patient) is not None:
        keep(answer, request, visitors.COOKIE, str(patient))
    return answer


def _back_to(doctor_id: UUID, at: datetime, refused: Refused) -> str:
    """The day of the slot that was not had, and why."""
    query: Mapping[str, object] = {
        "note": refused.refusal.code,
        "at": timestamp(at),
        **({"about": refused.refusal.appointment_id} if refused.refusal.appointment_id else {}),
        **({"rule": refused.refusal.rule} if refused.refusal.rule else {}),
    }
    return f"/book/{doctor_id}?{urlencode(query)}"
