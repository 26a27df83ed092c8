"""Appointments: hold a slot, confirm, move, give up, ask for more time, read."""

from typing import Annotated

from fastapi import APIRouter, Body, Header, Request
from starlette.responses import Response
from structlog.contextvars import bind_contextvars

from adapters.postgres.exchange import SeenVisit
from api.booking.move_order import MoveOrder
from api.dependencies import BookingsDep, CommandsDep, DatabaseDep, ExchangesDep, MovesDep
from api.http.actor import Booker, VisitChanger, VisitExchanger, VisitReader
from api.http.answers import NO_STORE, REPLAYED, JsonAnswer
from api.http.json_route import JsonRoute
from api.http.looks import note_visit
from api.http.openapi import problems
from api.http.problems import Malformed
from api.http.schemas import (
    AppointmentBody,
    CancelOrder,
    ExchangedBody,
    ExchangeOrder,
    ExtendOrder,
    Id,
    Key,
    NewAppointment,
    RescheduleOrder,
)
from api.http.strict_query import operation_name
from domain.booking import Appointment
from domain.documents import document

router = APIRouter(
    prefix="/api/v1/appointments",
    tags=["appointments"],
    route_class=JsonRoute,
    generate_unique_id_function=operation_name,
)

HOLD_REFUSALS = (
    "doctor_not_found",
    "patient_not_found",
    "service_not_found",
    "not_a_slot",
    "already_held",
    "already_booked",
    "too_many_holds",
    "patient_busy",
    "slot_taken",
)
"""Why a slot is not held; a command to an appointment that never was held is told the same."""

KeyHeader = Annotated[
    Key | None,
    Header(
        alias="Idempotency-Key",
        description="1 to 255 visible ASCII characters, new for every booking: the same key with "
        "the same body is given the same answer again",
        examples=["7d0f4c1e-booking-1"],
    ),
]


@router.post(
    "",
    status_code=201,
    response_model=AppointmentBody,
    summary="Hold a slot",
    openapi_extra=problems(
        "idempotency_key_reused", *HOLD_REFUSALS, "hold_expired", "already_cancelled", "rule"
    ),
)
async def hold_appointment(
    request: Request,
    wish: NewAppointment,
    caller: Booker,
    desk: BookingsDep,
    idempotency_key: KeyHeader = None,
) -> Response:
    """The slot is the patient's to confirm until `heldUntil`; nobody else can take it."""
    _refuse_several_keys(request)
    # One that is refused before any run began can be found in the log only.
    bind_contextvars(patient_id=str(wish.patient_id), doctor_id=str(wish.doctor_id))
    held = await desk.hold(
        wish.patient_id,
        wish.doctor_id,
        wish.date_time,
        idempotency_key,
        by=caller.actor,
        service_id=wish.service_id,
        reason=wish.reason,
        overbook=wish.overbook,
    )
    location = {"location": f"/api/v1/appointments/{held.appointment.appointment_id}"}
    headers = {**NO_STORE, **location, **(REPLAYED if held.replayed else {})}
    return JsonAnswer(document(held.appointment), status_code=201, headers=headers)


@router.post(
    "/exchange",
    response_model=ExchangedBody,
    summary="Exchange two visits",
    openapi_extra=problems(
        "appointment_not_found",
        "not_a_slot",
        "patient_busy",
        "slot_taken",
        "changed",
        "not_confirmed",
        "already_cancelled",
        "too_late",
    ),
)
async def exchange_appointments(
    order: ExchangeOrder, caller: VisitExchanger, desk: ExchangesDep
) -> Response:
    """Each goes to the other's time and doctor, or neither does."""
    if order.first.id == order.second.id:
        raise Malformed("second.id", "must be another appointment")
    first, second = (
        SeenVisit(appointment_id=each.id, version=each.version)
        for each in (order.first, order.second)
    )
    one, other = await desk.exchange(first, second, by=caller)
    return JsonAnswer({"first": document(one), "second": document(other)}, headers=NO_STORE)


@router.get(
    "/{appointment_id}",
    response_model=AppointmentBody,
    summary="Read an appointment",
)
async def get_appointment(
    appointment_id: Id, caller: VisitReader, desk: CommandsDep, database: DatabaseDep
) -> Response:
    """As it is now; one that is still on its way is `pending`, one that was refused says why."""
    found = await desk.find(appointment_id, caller.actor)
    await note_visit(database, found.by, found.appointment.patient_id)
    return JsonAnswer(document(found.appointment, code=found.code), headers=NO_STORE)


@router.post(
    "/{appointment_id}/confirm",
    response_model=AppointmentBody,
    summary="Confirm a hold",
    openapi_extra=problems(*HOLD_REFUSALS, "hold_expired", "already_cancelled"),
)
async def confirm_appointment(
    appointment_id: Id, caller: VisitChanger, desk: CommandsDep
) -> Response:
    """The visit stands. Confirming it again changes nothing and is answered the same."""
    return _answer(await desk.confirm(appointment_id, caller.actor))


@router.post(
    "/{appointment_id}/cancel",
    response_model=AppointmentBody,
    summary="Cancel a hold or a visit",
    openapi_extra=problems(*HOLD_REFUSALS, "hold_expired", "changed", "too_late", "rule"),
)
async def cancel_appointment(
    appointment_id: Id,
    caller: VisitChanger,
    desk: CommandsDep,
    order: Annotated[CancelOrder | None, Body()] = None,
) -> Response:
    """The slot is free for others at once. Cancelling again is answered the same."""
    order = order or CancelOrder()
    reason = order.reason if "reason" in order.model_fields_set else None
    return _answer(await desk.cancel(appointment_id, reason, order.version, by=caller.actor))


@router.post(
    "/{appointment_id}/reschedule",
    response_model=AppointmentBody,
    summary="Move a visit",
    openapi_extra=problems(
        "idempotency_key_reused",
        "doctor_not_found",
        "not_a_slot",
        "patient_busy",
        "slot_taken",
        "changed",
        "not_confirmed",
        "already_cancelled",
        "too_late",
        "rule",
        "other_specialty",
    ),
)
async def reschedule_appointment(  # noqa: PLR0913 - each is a part of the request
    *,
    request: Request,
    appointment_id: Id,
    order: RescheduleOrder,
    caller: VisitChanger,
    desk: MovesDep,
    idempotency_key: KeyHeader = None,
) -> Response:
    """The old time is kept until the new one is taken. The same time: nothing changes."""
    _refuse_several_keys(request)
    wish = MoveOrder(
        appointment_id=appointment_id,
        version=order.version,
        starts_at=order.date_time,
        by=caller.actor,
        doctor_id=order.doctor_id,
        reason=order.reason,
        key=idempotency_key,
    )
    moved = await desk.move(wish)
    headers = {**NO_STORE, **(REPLAYED if moved.replayed else {})}
    return JsonAnswer(document(moved.appointment), headers=headers)


@router.post(
    "/{appointment_id}/extend",
    response_model=AppointmentBody,
    summary="Ask for more time",
    openapi_extra=problems(
        *HOLD_REFUSALS,
        "hold_expired",
        "already_cancelled",
        "already_confirmed",
        "extension_limit",
    ),
)
async def extend_appointment(
    appointment_id: Id, order: ExtendOrder, caller: VisitChanger, desk: CommandsDep
) -> Response:
    """The hold lasts from now again, at most twice. The same version: the same answer."""
    return _answer(await desk.extend(appointment_id, order.version, caller.actor))


def _refuse_several_keys(request: Request) -> None:
    if len(request.headers.getlist("idempotency-key")) > 1:
        raise Malformed("Idempotency-Key", "must be sent once")


def _answer(appointment: Appointment) -> Response:
    return JsonAnswer(document(appointment), headers=NO_STORE)
