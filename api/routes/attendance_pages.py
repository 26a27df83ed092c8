"""Marking on the clinic's pages whether a patient came, and who is still to be marked."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from adapters.postgres.appeals import open_appeals
from adapters.postgres.database import Connection
from adapters.postgres.directory import Clinic
from adapters.postgres.reads import read
from adapters.postgres.staff_days import names_of
from adapters.postgres.unresolved import unresolved_visits
from adapters.postgres.visits import PatientVisit
from api.booking.temporal_errors import NoAnswer
from api.dependencies import AttendanceDep, DatabaseDep
from api.http.actor import AttendanceMarker, DeskCaller
from api.http.cursors import Cursor
from api.http.looks import note_people_on_page
from api.http.refusals import note_refusal
from api.http.schemas import Id, Text
from api.page.choices import clinic_of_desk, remembered_clinic
from api.page.forms import OwnForm, local, see_with
from api.page.rendering import page
from api.page.visitor import Anybody
from domain.attendance import Mark, marks_of
from domain.errors import AppointmentNotFound, Refused
from domain.zones import zone_named

LISTED = 50

router = APIRouter(prefix="/reception", include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class Unresolved:
    """Visits of one clinic that are over, and whom each was for; more of them may follow.

    `appeals` are those whose patients ask the clinic to look again.
    """

    clinics: list[Clinic]
    more_clinics: str | None
    clinic: Clinic | None
    visits: list[PatientVisit]
    appeals: list[PatientVisit]
    names: dict[UUID, str]
    has_more: bool

    def marks(self, visit: PatientVisit) -> list[Mark]:
        booked, zone = visit.appointment, zone_named(visit.time_zone)
        found = marks_of(booked.status, booked.starts_at, zone=zone, now=visit.now)
        return [each for each in found if each in {Mark.COMPLETE, Mark.NO_SHOW}]


@router.post("/visits/{appointment_id}/attendance")
async def mark(  # noqa: PLR0913 - each is a part of the form
    *,
    _: OwnForm,
    appointment_id: Id,
    caller: AttendanceMarker,
    desk: AttendanceDep,
    mark: Annotated[Mark, Form()],
    version: Annotated[int, Query(ge=1, le=1_000_000)],
    back: Annotated[str | None, Form()] = None,
) -> Response:
    """As it was shown. Back to where it was pressed, which shows what came of it."""
    place = f"/reception/visits/{appointment_id}" if back is None else local(back)
    try:
        await desk.mark(appointment_id, mark, version=version, by=caller)
    except AppointmentNotFound:
        raise
    except Refused as refused:
        note_refusal(refused, appointment_id=appointment_id)
        return see_with(place, note=refused.refusal.code)
    except NoAnswer:
        return see_with(place, note="unavailable")
    return see_with(place, marked=appointment_id)


@router.get("/unresolved")
async def unresolved(  # noqa: PLR0913 - each is a part of the request
    *,
    caller: DeskCaller,
    visitor: Anybody,
    request: Request,
    database: DatabaseDep,
    clinic: Id | None = None,
    clinics: Cursor = None,
    note: Annotated[Text | None, Query()] = None,
) -> Response:
    """Of the last week: who has not been marked as seen or as missing; and who says otherwise."""

    async def ask(connection: Connection) -> Unresolved:
        listed, more, here = await clinic_of_desk(
            connection, clinics, sees=caller.sees, chosen=clinic or remembered_clinic(request)
        )
        found, appeals = list[PatientVisit](), list[PatientVisit]()
        if here is not None:
            found = await unresolved_visits(connection, here.clinic_id, limit=LISTED + 1)
            appeals = await open_appeals(connection, here.clinic_id, limit=LISTED)
        shown = found[:LISTED]
        people = {each.appointment.patient_id for each in (*shown, *appeals)}
        await note_people_on_page(connection, caller.actor, "find", people)
        ids = [each.appointment.appointment_id for each in (*shown, *appeals)]
        return Unresolved(
            clinics=listed,
            more_clinics=more,
            clinic=here,
            visits=shown,
            appeals=appeals,
            names=await names_of(connection, ids),
            has_more=len(found) > LISTED,
        )

    found = await read(database, ask, caller.sees_patients)
    return page(visitor, "unresolved.html", here="reception", found=found, note=note)
