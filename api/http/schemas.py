"""The bodies of the API in and out, and how strictly a value of a request is read."""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from domain.booking import CancelReason, Status

FIRST_YEAR, LAST_YEAR = 2000, 2100
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


_VISIBLE = r"^[\x21-\x7e]{1,255}$"
_NO_CONTROL = r"^[^\x00-\x1f\x7f-\x9f]*$"


def parse_uuid(value: object) -> UUID:
    """A UUID in its usual form of 36 characters and no other."""
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise ValueError("must be a UUID, as 3f2b9f6e-0c55-4f0e-9b3e-6a5b3c1d2e4f")
    return UUID(value)


def parse_instant(value: object) -> datetime:
    """An RFC 3339 instant with its offset, in UTC, of the years 2000 to 2100."""
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("must be an RFC 3339 time with an offset, as 2027-03-01T09:00:00+03:00")
    try:
        instant = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a time that exists") from None
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ValueError(f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")
    return instant


def parse_key(value: str) -> str:
    """An Idempotency-Key: 1 to 255 visible ASCII characters."""
    if not re.fullmatch(_VISIBLE.strip("^$"), value):
        raise ValueError("must be 1 to 255 visible ASCII characters")
    return value


def parse_text(value: str) -> str:
    """A text of the query; no name has a control character."""
    if not re.fullmatch(_NO_CONTROL.strip("^$"), value):
        raise ValueError("must not contain control characters")
    return value


Id = Annotated[
    UUID,
    BeforeValidator(parse_uuid),
    WithJsonSchema({"type": "string", "format": "uuid"}),
]
Instant = Annotated[
    datetime,
    BeforeValidator(parse_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Key = Annotated[
    str,
    AfterValidator(parse_key),
    Field(json_schema_extra={"minLength": 1, "maxLength": 255, "pattern": _VISIBLE}),
]
Text = Annotated[
    str,
    Field(max_length=200, json_schema_extra={"pattern": _NO_CONTROL}),
    AfterValidator(parse_text),
]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]
ReasonCode = Annotated[CancelReason, Field(strict=False)]

APPOINTMENT_ID = "8c1f9f0e-6b7a-4c7d-9c55-3f6c0a8f6d11"
OTHER_APPOINTMENT_ID = "2f0d3a52-5a8e-4f4b-8c59-1f6b6c1f0d27"
DOCTOR_ID = "8e7a5cab-aca0-50fb-a571-ae9be6938b51"
PATIENT_ID = "101f8bdd-2683-5ca7-8b7c-5932f551b269"
SERVICE_ID = "5b0e2c1f-3f64-4e0f-8a5b-6d0f0b0c8f35"
CLINIC_ID = "392380d2-7d23-59ce-9b2c-9990a5a0af65"

EXAMPLE_APPOINTMENT: JsonDict = {
    "appointmentId": APPOINTMENT_ID,
    "status": "held",
    "patientId": PATIENT_ID,
    "doctorId": DOCTOR_ID,
    "clinicId": CLINIC_ID,
    "dateTime": "2027-03-01T06:00:00Z",
    "endsAt": "2027-03-01T06:30:00Z",
    "heldUntil": "2027-02-20T10:10:00Z",
    "version": 1,
    "createdAt": "2027-02-20T10:00:00Z",
    "confirmedAt": None,
    "cancelledAt": None,
    "reason": None,
    "extensionsLeft": 2,
    "visitCode": "8C1F9F0E",
    "origin": "patient",
    "serviceId": None,
    "moves": 0,
    "attendance": None,
}


def example(document: JsonDict) -> ConfigDict:
    """For `model_config`: what a body of this model may look like."""
    return ConfigDict(json_schema_extra={"examples": [document]})


def page_example(item: JsonDict) -> ConfigDict:
    """The same for a list that ends with its first page."""
    return example({"items": [item], "next": None})


class Body(BaseModel):
    """camelCase outside; an unknown field is an error, since it is a typing error."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=False, extra="forbid", strict=True, frozen=True
    )


class NewAppointment(Body):
    """A patient's wish for one slot of one doctor."""

    model_config = example(
        {
            "patientId": PATIENT_ID,
            "doctorId": DOCTOR_ID,
            "dateTime": "2027-03-01T09:00:00+03:00",
        }
    )

    patient_id: Id
    doctor_id: Id
    date_time: Instant = Field(description="when the slot begins; any offset, compared as instants")
    service_id: Id | None = Field(
        default=None, description="what for, one of the doctor's services; it tells how long"
    )
    reason: ReasonCode | None = Field(
        default=None, description="with one, staff pass the clinic's rules; the history keeps it"
    )
    overbook: bool = Field(
        default=False, description="on top of others; for reception and managers alone"
    )


class CancelOrder(Body):
    """Why the visit is cancelled, and which state of it the caller has seen."""

    model_config = example({"reason": "patient_request", "version": 2})

    reason: ReasonCode = Field(
        default=CancelReason.PATIENT_REQUEST,
        description="patient_request unless said otherwise; staff who say it pass the rules",
    )
    version: Version | None = Field(
        default=None, description="the `version` that was seen; with another one nothing is done"
    )


class ExtendOrder(Body):
    """More time for the hold that has this version."""

    model_config = example({"version": 1})

    version: Version = Field(description="the `version` that the patient saw")


class MarkOrder(Body):
    """Which state of the visit was seen when it was marked."""

    model_config = example({"version": 2})

    version: Version = Field(
        description="the `version` that was seen; with another one nothing is done"
    )


class RescheduleOrder(Body):
    """Where a visit shall go, and which state of it the caller has seen."""

    model_config = example({"dateTime": "2027-03-02T09:00:00+03:00", "version": 2})

    date_time: Instant = Field(description="when the new slot begins")
    doctor_id: Id | None = Field(
        default=None, description="another doctor of the same specialty; the same one if absent"
    )
    version: Version = Field(
        description="the `version` that was seen; with another one nothing is done"
    )
    reason: ReasonCode | None = Field(
        default=None, description="with one, staff pass the clinic's rules; the history keeps it"
    )


class SeenVisitOrder(Body):
    """One of the two visits, and which state of it was seen."""

    id: Id
    version: Version


class ExchangeOrder(Body):
    """Two visits that shall change places."""

    model_config = example(
        {
            "first": {"id": APPOINTMENT_ID, "version": 2},
            "second": {"id": OTHER_APPOINTMENT_ID, "version": 2},
        }
    )

    first: SeenVisitOrder
    second: SeenVisitOrder


class AppointmentBody(Body):
    """An appointment: a wish on its way, a hold, a visit, or what became of it."""

    model_config = example(EXAMPLE_APPOINTMENT)

    appointment_id: Id
    status: Status
    patient_id: Id
    doctor_id: Id
    clinic_id: Id
    date_time: Instant
    ends_at: Instant | None
    held_until: Instant | None = Field(
        description="until when the slot is the patient's to confirm"
    )
    version: int | None = Field(description="grows by one with every change")
    created_at: Instant | None
    confirmed_at: Instant | None
    cancelled_at: Instant | None
    reason: CancelReason | None
    extensions_left: int
    visit_code: str = Field(description="what messages and pages call it")
    origin: Literal["patient", "reception", "offer", "import"]
    service_id: Id | None
    moves: int = Field(description="how often it was moved to another time")
    attendance: Literal["promised"] | None
    code: str | None = Field(None, description="why it was refused; only where `status` is refused")


class ExchangedBody(Body):
    """Both visits, each where the other was."""

    model_config = example({"first": EXAMPLE_APPOINTMENT, "second": EXAMPLE_APPOINTMENT})

    first: AppointmentBody
    second: AppointmentBody


class AppointmentPage(Body):
    """One page of a patient's appointments, newest first."""

    model_config = page_example(EXAMPLE_APPOINTMENT)

    items: list[AppointmentBody]
    next: str | None = Field(description="`cursor` of the next page, null at the end")
