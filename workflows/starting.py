"""What the run of a command is started with, whoever starts it."""

from collections.abc import Mapping
from typing import TypedDict

from temporalio.common import SearchAttributePair, TypedSearchAttributes

from domain.attendance import Settlement
from domain.booking import Asked, BookingRequest, Cancellation, Move, Status, Terms
from domain.campaign import ReofferOrder
from domain.documents import timestamp
from workflows.names import (
    ACTOR,
    APPOINTMENT_START,
    APPOINTMENT_STATUS,
    ATTEMPT_ID,
    CLINIC_ID,
    DOCTOR_ID,
    PATIENT_ID,
    SERVICE_ID,
    TERMS,
)


class Labels(TypedDict):
    """What operations find a run by, and read in its head: opaque ids, instants, codes."""

    search_attributes: TypedSearchAttributes
    static_summary: str
    static_details: str
    memo: Mapping[str, object]


def labels_of_booking(request: BookingRequest, *, summary: str) -> Labels:
    """`AppointmentStatus` is what the run goes for; it is corrected once, at its end."""
    return Labels(
        search_attributes=_attributes(request, Status.HELD),
        static_summary=summary,
        static_details=_details(request),
        memo={ATTEMPT_ID: str(request.attempt_id)} | _wish(request),
    )


def _wish(request: BookingRequest) -> dict[str, object]:
    """What no search attribute says of it: the same key with another one is told so."""
    service = {} if request.service_id is None else {SERVICE_ID: str(request.service_id)}
    return service | {TERMS: Terms(overbook=request.overbook, reason=request.reason)}


def labels_of_cancellation(cancellation: Cancellation) -> Labels:
    return Labels(
        search_attributes=_attributes(cancellation, Status.CONFIRMED),
        static_summary=f"cancel: doctor {cancellation.doctor_id} "
        f"at {timestamp(cancellation.starts_at)}",
        static_details=_details(cancellation),
        memo={ATTEMPT_ID: str(cancellation.attempt_id)},
    )


def labels_of_move(move: Move) -> Labels:
    """Found by where the visit goes to."""
    return Labels(
        search_attributes=_attributes(move, Status.CONFIRMED),
        static_summary=f"move: doctor {move.doctor_id} at {timestamp(move.starts_at)}",
        static_details=f"{_details(move)}\n\n"
        f"Before: doctor `{move.previous.doctor_id}` at {timestamp(move.previous.starts_at)}, "
        f"version {move.version}",
        memo={ATTEMPT_ID: str(move.attempt_id)},
    )


def labels_of_settlement(settlement: Settlement) -> Labels:
    """`AppointmentStatus` is what the visit becomes; a refused mark corrects it."""
    return Labels(
        search_attributes=_attributes(settlement, settlement.becomes),
        static_summary=f"{settlement.mark}: doctor {settlement.doctor_id} "
        f"at {timestamp(settlement.starts_at)}",
        static_details=_details(settlement),
        memo={ATTEMPT_ID: str(settlement.attempt_id)},
    )


def summary_of_offer(order: ReofferOrder) -> str:
    return f"offer another time: appointment {order.appointment_id}"


def _attributes(about: Asked, status: Status) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [
            SearchAttributePair(DOCTOR_ID, str(about.doctor_id)),
            SearchAttributePair(PATIENT_ID, str(about.patient_id)),
            SearchAttributePair(CLINIC_ID, str(about.clinic_id)),
            SearchAttributePair(APPOINTMENT_START, about.starts_at),
            SearchAttributePair(APPOINTMENT_STATUS, status.value),
            SearchAttributePair(ACTOR, about.actor.role.value),
        ]
    )


def _details(about: Asked) -> str:
    return (
        f"- appointment `{about.appointment_id}`\n"
        f"- doctor `{about.doctor_id}`, clinic `{about.clinic_id}`\n"
        f"- patient `{about.patient_id}`\n"
        f"- visit {timestamp(about.starts_at)}\n"
        f"- asked for by {about.actor.role}\n\n"
        f"Now: `GET /api/v1/appointments/{about.appointment_id}`"
    )
