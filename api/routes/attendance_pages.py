"""Marking on the clinic's pages whether a patient came: a button each, and one to take it back."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from adapters.postgres.visits import PatientVisit
from api.booking.temporal_errors import NoAnswer
from api.dependencies import AttendanceDep
from api.http.actor import AttendanceMarker
from api.http.refusals import note_refusal
from api.http.schemas import Id
from api.page.forms import OwnForm, see
from domain.attendance import Attended, Mark, marked
from domain.errors import AppointmentNotFound, Refused, WrongState
from domain.zones import zone_named

router = APIRouter(include_in_schema=False)


@router.post("/reception/visits/{appointment_id}/attendance")
async def mark(
    *,
    _: OwnForm,
    appointment_id: Id,
    caller: AttendanceMarker,
    desk: AttendanceDep,
    mark: Annotated[Mark, Form()],
    version: Annotated[int, Form(ge=1, le=1_000_000)],
) -> Response:
    """As it was shown. Back to the visit, which shows what came of it."""
    place = f"/reception/visits/{appointment_id}"
    note = ""
    try:
        await desk.mark(appointment_id, mark, version=version, by=caller)
    except AppointmentNotFound:
        raise
    except Refused as refused:
        note_refusal(refused, appointment_id=appointment_id)
        note = f"?note={refused.refusal.code}"
    except NoAnswer:
        note = "?note=unavailable"
    return see(place + note)


def marks_of(visit: PatientVisit) -> list[str]:
    """What may be marked of it now."""
    return [each.value for each in Mark if _may(visit, each)]


def _may(visit: PatientVisit, mark: Mark) -> bool:
    seen = Attended(
        visit=visit.appointment,
        practitioner_id=visit.appointment.doctor_id,
        arrived_at=None,
        zone=zone_named(visit.time_zone),
        now=visit.now,
        was_made=False,
    )
    try:
        marked(seen, mark)
    except WrongState:
        return False
    return True
