"""The reception's pages to move a visit, and to exchange it with another."""

from dataclasses import dataclass, replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from adapters.postgres.booking_search import bookings_named
from adapters.postgres.database import Connection
from adapters.postgres.directory import DoctorCard, doctors_beside
from adapters.postgres.exchange import SeenVisit
from adapters.postgres.patients import patient_if_any
from adapters.postgres.reads import read
from adapters.postgres.staff_days import names_of
from adapters.postgres.visits import PatientVisit
from api.booking.move_order import MoveOrder
from api.booking.temporal_errors import NoAnswer
from api.dependencies import DatabaseDep, ExchangesDep, MovesDep
from api.http.actor import Caller, DeskCaller, VisitExchanger
from api.http.dates import LocalDate
from api.http.looks import note_people_on_page
from api.http.problems import Malformed
from api.http.refusals import note_refusal
from api.http.schemas import Id, Instant, Text
from api.page.desk_visit import seen_visit
from api.page.forms import OwnForm, Searched, see_with
from api.page.moving_week import MovingWeek, moving_week
from api.page.rendering import page
from api.page.visitor import Anybody
from domain.booking import CancelReason
from domain.documents import timestamp
from domain.errors import AppointmentNotFound, DoctorNotFound, Refused
from domain.patients import Patient

DOCTORS = 100
FOUND = 6
STAYS_ON_THE_PAGE = {"slot_taken", "not_a_slot", "patient_busy", "rule"}
"""After these another time may be chosen; after the others the visit itself is looked at."""

Version = Annotated[int, Form(ge=1, le=1_000_000)]
Note = Annotated[Text | None, Query()]

router = APIRouter(prefix="/reception/visits/{appointment_id}", include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class Moving:
    """A visit that is to be moved, to whom it may go, and the week that is looked at."""

    visit: PatientVisit
    patient: Patient | None
    doctors: list[DoctorCard]
    week: MovingWeek


@dataclass(frozen=True, kw_only=True)
class Exchanging:
    """A visit, and those that it may change places with; whom each is for, by its id."""

    visit: PatientVisit
    others: list[PatientVisit]
    names: dict[UUID, str]


@router.get("/move")
async def find_other_time(  # noqa: PLR0913 - each is a part of the request
    *,
    appointment_id: Id,
    caller: DeskCaller,
    visitor: Anybody,
    database: DatabaseDep,
    doctor: Id | None = None,
    first: Annotated[LocalDate | None, Query(alias="date")] = None,
    note: Note = None,
    at: Instant | None = None,
) -> Response:
    """The doctor's week as it would be without this visit; `note` says why `at` was not had."""

    async def ask(connection: Connection) -> Moving:
        seen = await seen_visit(connection, appointment_id, caller)
        patient = await patient_if_any(connection, seen.appointment.patient_id)
        if patient is not None:
            await note_people_on_page(connection, caller.actor, "read", [patient.patient_id])
        week = await moving_week(connection, seen, doctor or seen.appointment.doctor_id, first)
        others = await doctors_beside(
            connection, week.doctor, clinics_seen=caller.sees.clinics, limit=DOCTORS
        )
        return Moving(visit=seen, patient=patient, doctors=others, week=week)

    found = await read(database, ask, caller.sees_patients)
    return page(visitor, "desk_move.html", here="reception", found=found, note=note, lost=at)


@router.post("/move")
async def move(  # noqa: PLR0913 - each is a part of the form
    *,
    _: OwnForm,
    appointment_id: Id,
    caller: DeskCaller,
    moves: MovesDep,
    at: Annotated[Instant, Form()],
    doctor: Annotated[Id, Form()],
    first: Annotated[LocalDate, Form(alias="date")],
    version: Version,
    reason: Annotated[CancelReason | None, Form()] = None,
) -> Response:
    """As it was shown; against a rule of the clinic with a reason."""
    place = f"/reception/visits/{appointment_id}"
    order = MoveOrder(
        appointment_id=appointment_id,
        version=version,
        starts_at=at,
        doctor_id=doctor,
        reason=reason,
        by=replace(caller.actor, at_desk=True),
    )
    try:
        await moves.move(order)
    except (AppointmentNotFound, DoctorNotFound):
        raise
    except Refused as refused:
        note_refusal(refused, appointment_id=appointment_id)
        code = refused.refusal.code
        if code not in STAYS_ON_THE_PAGE:
            return see_with(place, note=code)
        return see_with(f"{place}/move", note=code, at=timestamp(at), doctor=doctor, date=first)
    except NoAnswer:
        return see_with(place, note="unavailable")
    return see_with(place, note="moved")


@router.get("/exchange")
async def find_other_visit(  # noqa: PLR0913 - each is a part of the request
    *,
    appointment_id: Id,
    caller: VisitExchanger,
    visitor: Anybody,
    database: DatabaseDep,
    q: Searched = None,
    note: Note = None,
) -> Response:
    """Which visit to change places with: by its reference, or its patient's name or telephone."""

    async def ask(connection: Connection) -> Exchanging:
        seen = await seen_visit(connection, appointment_id, caller)
        others = await _exchangeable(connection, q, seen, caller) if q else []
        people = {each.appointment.patient_id for each in [seen, *others]}
        await note_people_on_page(connection, caller.actor, "find", people)
        ids = [each.appointment.appointment_id for each in [seen, *others]]
        return Exchanging(visit=seen, others=others, names=await names_of(connection, ids))

    found = await read(database, ask, caller.sees_patients)
    return page(visitor, "desk_exchange.html", here="reception", found=found, q=q, note=note)


@router.post("/exchange")
async def exchange(  # noqa: PLR0913 - each is a part of the form
    *,
    _: OwnForm,
    appointment_id: Id,
    caller: VisitExchanger,
    exchanges: ExchangesDep,
    version: Version,
    other: Annotated[Id, Form()],
    other_version: Version,
) -> Response:
    """Each goes to the other's time and doctor, or neither does."""
    if other == appointment_id:
        raise Malformed("other", "must be another appointment")
    place = f"/reception/visits/{appointment_id}"
    first, second = (
        SeenVisit(appointment_id=appointment_id, version=version),
        SeenVisit(appointment_id=other, version=other_version),
    )
    try:
        await exchanges.exchange(first, second, by=caller)
    except AppointmentNotFound:
        raise
    except Refused as refused:
        note_refusal(refused, appointment_id=appointment_id)
        return see_with(f"{place}/exchange", note=refused.refusal.code)
    return see_with(place, note="exchanged")


async def _exchangeable(
    connection: Connection, sought: str, visit: PatientVisit, caller: Caller
) -> list[PatientVisit]:
    found = await bookings_named(
        connection, sought, clinics=caller.sees.clinics, limit=FOUND + 1, is_ahead=True
    )
    own_id = visit.appointment.appointment_id
    return [each for each in found if each.appointment.appointment_id != own_id][:FOUND]
