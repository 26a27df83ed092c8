"""The patient's pages before a visit: whom to see, and when. One click holds a slot."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from adapters.postgres.reads import read
from api.booking.temporal_errors import NoAnswer
from api.dependencies import BookingsDep, DatabaseDep, Days, DemoPatientsDep
from api.http.refusals import note_refusal
from api.http.schemas import Id, Instant, Text
from api.page import visitor as visitors
from api.page.days import doctor_times, nearest, parts_of
from api.page.directory import directory
from api.page.forms import OwnForm, keep, local, see
from api.page.rendering import page
from api.page.visitor import Patient, PatientOrNobody
from api.routes.schedule import LocalDate
from domain.documents import timestamp
from domain.errors import AlreadyBooked, AlreadyHeld, DoctorNotFound, PatientNotFound, Refused
from domain.slot import day_of

Word = Annotated[Text | None, Query()]

router = APIRouter(include_in_schema=False)


@router.get("/")
async def doctors(
    visitor: PatientOrNobody,
    database: DatabaseDep,
    specialty: Word = None,
    clinic: Id | None = None,
) -> Response:
    """Where the links in patients' messages lead: whom to see, and when each is free next."""

    patient_id = visitor.patient_id
    ask = partial(directory, specialty=specialty, clinic_id=clinic, patient_id=patient_id)
    found = await read(database, ask)
    chosen = {"specialty": specialty, "clinic": clinic}
    return page(visitor, "doctors.html", here="book", found=found, chosen=chosen)


@router.get("/book/{doctor_id}")
async def times(  # noqa: PLR0913 - each is a part of the request
    *,
    doctor_id: Id,
    visitor: PatientOrNobody,
    database: DatabaseDep,
    days: Days,
    chosen: Annotated[LocalDate | None, Query(alias="date")] = None,
    note: Word = None,
    at: Annotated[Instant | None, Query()] = None,
    about: Annotated[Id | None, Query()] = None,
) -> Response:
    """Fourteen days, and the slots of one; `note` says why the slot `at` was not held."""

    patient_id = visitor.patient_id
    found = await read(database, lambda opened: doctor_times(opened, doctor_id, patient_id))
    day = chosen or (found.first_day if at is None else day_of(at, found.zone))
    schedule, _ = await days.read(doctor_id, day)
    return page(
        visitor,
        "times.html",
        here="book",
        found=found,
        day=day,
        version=schedule.version,
        parts=parts_of(schedule, found.own, found.zone),
        note=note,
        lost=at,
        about=about,
        nearest=[] if at is None else nearest(found.free, at),
    )


@router.post("/book/{doctor_id}")
async def hold(
    _: OwnForm, doctor_id: Id, visitor: Patient, desk: BookingsDep, at: Annotated[Instant, Form()]
) -> Response:
    """The slot is the patient's to confirm; a second click on it leads to the same hold."""
    patient_id = visitor.signed_in.patient_id
    try:
        held = await desk.hold(patient_id, doctor_id, at, None)
    except (AlreadyHeld, AlreadyBooked) as own:
        note_refusal(own, patient_id=patient_id, doctor_id=doctor_id)
        return see(f"/visits/{own.refusal.appointment_id}")
    except NoAnswer as unknown:
        return see(f"/visits/{unknown.appointment_id}")
    except (DoctorNotFound, PatientNotFound):
        raise
    except Refused as no:
        note_refusal(no, patient_id=patient_id, doctor_id=doctor_id)
        return see(_back_to(doctor_id, at, no))
    return see(f"/visits/{held.appointment.appointment_id}")


@router.post("/patient")
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


def _back_to(doctor_id: UUID, at: datetime, no: Refused) -> str:
    """The day of the slot that was not had, and why."""
    query: Mapping[str, object] = {
        "note": no.refusal.code,
        "at": timestamp(at),
        **({"about": no.refusal.appointment_id} if no.refusal.appointment_id else {}),
    }
    return f"/book/{doctor_id}?{urlencode(query)}"
