"""The patient's pages that move a visit: another time in the same calendar, looked at once more."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from adapters.postgres.visits import PatientVisit
from api.booking.move_order import MoveOrder
from api.booking.temporal_errors import NoAnswer
from api.dependencies import CommandsDep, DatabaseDep, MovesDep
from api.http.actor import VisitChanger
from api.http.dates import LocalDate
from api.http.refusals import note_refusal
from api.http.schemas import Id, Instant, Text
from api.page.days import nearest
from api.page.forms import OwnForm, see
from api.page.moving import Wish, day_parts_of, is_free, where_to
from api.page.own_visits import SeenVersion, own_visit, seen_visit
from api.page.rendering import page
from api.page.visitor import Patient
from domain.booking import Refusal, Status
from domain.documents import timestamp
from domain.errors import (
    AppointmentNotFound,
    DoctorNotFound,
    NotASlot,
    OtherSpecialty,
    PatientBusy,
    Refused,
    RuleForbids,
    SlotTaken,
)

Word = Annotated[Text | None, Query()]
Doctor = Annotated[Id | None, Query()]

OF_THE_TIME = (SlotTaken, NotASlot, PatientBusy)
"""Refusals after which another time may be had."""
OF_THE_VISIT = {"moveNotice", "maxMoves"}
"""Rules that forbid every move of it; the others are about the time."""

router = APIRouter(prefix="/visits/{appointment_id}/move", include_in_schema=False)


@router.get("")
async def choose(  # noqa: PLR0913 - each is a part of the request
    *,
    appointment_id: Id,
    caller: VisitChanger,
    visitor: Patient,
    database: DatabaseDep,
    desk: CommandsDep,
    doctor: Doctor = None,
    chosen: Annotated[LocalDate | None, Query(alias="date")] = None,
    note: Word = None,
    rule: Word = None,
    at: Annotated[Instant | None, Query()] = None,
    about: Annotated[Id | None, Query()] = None,
) -> Response:
    """The calendar of a booking without this visit; `note` says why it did not go to `at`."""
    own = await own_visit(desk, appointment_id, visitor, caller)
    visit_id = own.appointment.appointment_id
    visit = await seen_visit(database, visit_id)
    if visit is None or not _is_movable(visit):
        return see(f"/visits/{visit_id}")
    wish = Wish(doctor_id=doctor, day=chosen, at=at)
    found = await where_to(database, visit, wish, with_others=True)
    return page(
        visitor,
        "move.html",
        here="visits",
        found=found,
        visit=visit,
        parts=await day_parts_of(database, found),
        note=note,
        rule=rule,
        lost=at,
        about=about,
        nearest=[] if at is None or note == "rule" else nearest(found.times.free, at),
    )


@router.get("/to")
async def look_once_more(  # noqa: PLR0913 - each is a part of the request
    *,
    appointment_id: Id,
    caller: VisitChanger,
    visitor: Patient,
    database: DatabaseDep,
    desk: CommandsDep,
    doctor: Annotated[Id, Query()],
    at: Annotated[Instant, Query()],
) -> Response:
    """Old and new side by side, before the one button that moves; nothing is held meanwhile."""
    own = await own_visit(desk, appointment_id, visitor, caller)
    visit_id = own.appointment.appointment_id
    visit = await seen_visit(database, visit_id)
    if visit is None or not _is_movable(visit):
        return see(f"/visits/{visit_id}")
    found = await where_to(database, visit, Wish(doctor_id=doctor, at=at))
    if not await is_free(database, found, at):
        return see(_back_to(visit_id, doctor, at, Refusal(code=SlotTaken.code)))
    return page(
        visitor,
        "move_to.html",
        here="visits",
        found=found,
        visit=visit,
        starts_at=at,
        ends_at=found.ends_at(at),
    )


@router.post("")
async def move(  # noqa: PLR0913 - each is a part of the request
    *,
    _: OwnForm,
    appointment_id: Id,
    caller: VisitChanger,
    visitor: Patient,
    desk: CommandsDep,
    moves: MovesDep,
    version: SeenVersion,
    doctor: Annotated[Id, Form()],
    at: Annotated[Instant, Form()],
) -> Response:
    """On the road of the API's reschedule; where it is refused, the old time stays."""
    own = await own_visit(desk, appointment_id, visitor, caller)
    visit_id = own.appointment.appointment_id
    order = MoveOrder(
        appointment_id=visit_id,
        version=version,
        starts_at=at,
        doctor_id=doctor,
        by=caller.actor,
    )
    place = f"/visits/{visit_id}"
    try:
        await moves.move(order)
    except (AppointmentNotFound, DoctorNotFound):
        raise
    except OtherSpecialty:
        raise DoctorNotFound from None
    except Refused as refused:
        note_refusal(refused, appointment_id=visit_id, doctor_id=doctor)
        refusal = refused.refusal
        if isinstance(refused, OF_THE_TIME) or _is_about_time(refused):
            return see(_back_to(visit_id, doctor, at, refusal))
        return see(f"{place}?note={refusal.code}")
    except NoAnswer:
        return see(f"{place}?note=unavailable")
    return see(f"{place}?note=moved")


def _is_movable(visit: PatientVisit) -> bool:
    """What cannot be moved is shown on its own page, with the rule in words."""
    stands = visit.appointment.status is Status.CONFIRMED and not visit.has_begun
    return stands and visit.ruled.may_move


def _is_about_time(refused: Refused) -> bool:
    return isinstance(refused, RuleForbids) and refused.refusal.rule not in OF_THE_VISIT


def _back_to(appointment_id: UUID, doctor_id: UUID, at: datetime, refusal: Refusal) -> str:
    """The day of the time that was not had, and why."""
    query: Mapping[str, object] = {
        "doctor": doctor_id,
        "note": refusal.code,
        "at": timestamp(at),
        **({"about": refusal.appointment_id} if refusal.appointment_id else {}),
        **({"rule": refusal.rule} if refusal.rule else {}),
    }
    return f"/visits/{appointment_id}/move?{urlencode(query)}"
