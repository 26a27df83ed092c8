"""What the run of a booking or of a cancellation is started with, whoever starts it."""

from collections.abc import Mapping
from typing import TypedDict

from temporalio.common import SearchAttributePair, TypedSearchAttributes

from domain.booking import BookingRequest, Cancellation, Status
from domain.documents import timestamp
from workflows.names import (
    APPOINTMENT_START,
    APPOINTMENT_STATUS,
    ATTEMPT_ID,
    CLINIC_ID,
    DOCTOR_ID,
    PATIENT_ID,
)


class Labels(TypedDict):
    """What operations find a run by, and read in its head: opaque ids, instants, codes."""

    search_attributes: TypedSearchAttributes
    static_summary: str
    static_details: str
    memo: Mapping[str, str]


def labels_of_booking(request: BookingRequest, *, summary: str) -> Labels:
    """`AppointmentStatus` is what the run goes for; it is corrected once, at its end."""
    return Labels(
        search_attributes=_attributes(request, Status.HELD),
        static_summary=summary,
        static_details=_details(request),
        memo={ATTEMPT_ID: str(request.attempt_id)},
    )


def labels_of_cancellation(cancellation: Cancellation) -> Labels:
    return Labels(
        search_attributes=_attributes(cancellation, Status.CONFIRMED),
        static_summary=f"cancel: doctor {cancellation.doctor_id} "
        f"at {timestamp(cancellation.starts_at)}",
        static_details=_details(cancellation),
        memo={ATTEMPT_ID: str(cancellation.attempt_id)},
    )


def _attributes(about: BookingRequest | Cancellation, status: Status) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [
            SearchAttributePair(DOCTOR_ID, str(about.doctor_id)),
            SearchAttributePair(PATIENT_ID, str(about.patient_id)),
            SearchAttributePair(CLINIC_ID, str(about.clinic_id)),
            SearchAttributePair(APPOINTMENT_START, about.starts_at),
            SearchAttributePair(APPOINTMENT_STATUS, status.value),
        ]
    )


def _details(about: BookingRequest | Cancellation) -> str:
    return (
        f"- appointment `{about.appointment_id}`\n"
        f"- doctor `{about.doctor_id}`, clinic `{about.clinic_id}`\n"
        f"- patient `{about.patient_id}`\n"
        f"- visit {timestamp(about.starts_at)}\n"
        f"- asked for by {about.actor.role}\n\n"
        f"Now: `GET /api/v1/appointments/{about.appointment_id}`"
    )
