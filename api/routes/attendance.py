"""Attendance: the clinic says who came, who was seen and who did not come."""

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import AttendanceDep
from api.http.actor import AttendanceMarker
from api.http.answers import NO_STORE, JsonAnswer
from api.http.json_route import JsonRoute
from api.http.openapi import problems
from api.http.schemas import AppointmentBody, Id, MarkOrder
from api.http.strict_query import operation_name
from domain.attendance import Mark
from domain.booking import Appointment
from domain.documents import document

router = APIRouter(
    prefix="/appointments",
    tags=["appointments"],
    route_class=JsonRoute,
    generate_unique_id_function=operation_name,
)

REFUSALS = problems("changed", "wrong_state")


@router.post(
    "/{appointment_id}/arrive",
    response_model=AppointmentBody,
    summary="The patient is at the clinic",
    openapi_extra=REFUSALS,
)
async def mark_arrived(
    appointment_id: Id, order: MarkOrder, caller: AttendanceMarker, desk: AttendanceDep
) -> Response:
    """From the visit's day on. Who comes early keeps the time."""
    return _answer(await desk.mark(appointment_id, Mark.ARRIVE, version=order.version, by=caller))


@router.post(
    "/{appointment_id}/complete",
    response_model=AppointmentBody,
    summary="The visit is over",
    openapi_extra=REFUSALS,
)
async def mark_completed(
    appointment_id: Id, order: MarkOrder, caller: AttendanceMarker, desk: AttendanceDep
) -> Response:
    """From its beginning on, whether an arrival was marked or not."""
    return _answer(await desk.mark(appointment_id, Mark.COMPLETE, version=order.version, by=caller))


@router.post(
    "/{appointment_id}/no-show",
    response_model=AppointmentBody,
    summary="The patient did not come",
    openapi_extra=REFUSALS,
)
async def mark_no_show(
    appointment_id: Id, order: MarkOrder, caller: AttendanceMarker, desk: AttendanceDep
) -> Response:
    """From its beginning on, unless an arrival was marked."""
    return _answer(await desk.mark(appointment_id, Mark.NO_SHOW, version=order.version, by=caller))


@router.post(
    "/{appointment_id}/undo-attendance",
    response_model=AppointmentBody,
    summary="Take the last mark back",
    openapi_extra=problems("changed", "wrong_state", "slot_taken", "patient_busy"),
)
async def undo_attendance(
    appointment_id: Id, order: MarkOrder, caller: AttendanceMarker, desk: AttendanceDep
) -> Response:
    """One state back: of a visit that is over to the arrival, if one was marked."""
    return _answer(await desk.mark(appointment_id, Mark.UNDO, version=order.version, by=caller))


def _answer(appointment: Appointment) -> Response:
    return JsonAnswer(document(appointment), headers=NO_STORE)
