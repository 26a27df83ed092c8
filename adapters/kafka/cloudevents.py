"""Appointment events as CloudEvents 1.0 JSON in structured mode: the only place that knows it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final, Literal, NotRequired, TypedDict
from uuid import UUID

import orjson

from domain.actors import Role
from domain.booking import Placement, Status
from domain.documents import timestamp
from domain.events import SOURCE, AppointmentEvent, EventType

CONTENT_TYPE = "application/cloudevents+json"
LONGEST_RECORD = 64 * 1024
"""Bytes; a real record is below one kilobyte, so a longer one is not ours."""

FIRST_YEAR, LAST_YEAR = 2000, 2100
LARGEST_VERSION = 2**31 - 1


@dataclass(frozen=True)
class Text:
    """What a string of the record means, and its JSON Schema format; read by docs/asyncapi.yaml."""

    meaning: str
    format: str | None = None


class PreviousData(TypedDict):
    """Where a visit stood before it was moved."""

    doctorId: Annotated[str, Text("The doctor before.", "uuid")]
    clinicId: Annotated[str, Text("The clinic of that doctor.", "uuid")]
    dateTime: Annotated[str, Text("When the visit would have begun, in UTC.", "date-time")]
    endsAt: Annotated[str, Text("When the visit would have ended, in UTC.", "date-time")]


class ActorData(TypedDict):
    """Who made the change, by the role alone."""

    role: Role


NEVER_TOLD = {Status.ARRIVED, Status.COMPLETED, Status.NO_SHOW}
"""Attendance is no event, so that what is promised of a record stays as it is."""


class AppointmentData(TypedDict):
    """The appointment as the event left it: opaque ids and instants."""

    appointmentId: Annotated[str, Text("The appointment; also the record's key.", "uuid")]
    doctorId: Annotated[str, Text("A doctor at one clinic.", "uuid")]
    clinicId: Annotated[str, Text("The clinic of that doctor.", "uuid")]
    patientId: Annotated[str, Text("The patient; contact data is never in a record.", "uuid")]
    dateTime: Annotated[str, Text("When the visit begins, in UTC.", "date-time")]
    endsAt: Annotated[str, Text("When the visit ends, in UTC.", "date-time")]
    status: Status
    version: int
    previous: NotRequired[PreviousData]
    actor: NotRequired[ActorData]


class CloudEvent(TypedDict):
    """One fact about one appointment."""

    specversion: Literal["1.0"]
    id: Annotated[str, Text("uuid5 of appointment, version and type: a retry repeats it.", "uuid")]
    source: Annotated[str, Text("Where events of this kind come from.", "uri-reference")]
    type: EventType
    subject: Annotated[str, Text("The appointment.", "uuid")]
    time: Annotated[str, Text("When it happened, by the database clock.", "date-time")]
    sequence: Annotated[str, Text("The appointment's version: a later one supersedes this.")]
    data: AppointmentData
    expirytime: NotRequired[
        Annotated[str, Text("When there is no use in telling of it any more.", "date-time")]
    ]
    traceparent: NotRequired[
        Annotated[str, Text("The trace that the change was made in, where traces are on.")]
    ]


class Fault(StrEnum):
    """Why a record cannot be read; a header of the dead letter."""

    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    NOT_A_CLOUDEVENT = "not_a_cloudevent"
    UNKNOWN_TYPE = "unknown_type"
    BAD_DATA = "bad_data"
    FORGED = "forged"
    """It can be read, and the appointment's row says otherwise."""


class Unreadable(Exception):
    """The record cannot be read, and a retry would not help."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault: Final = fault


def encode(event: AppointmentEvent, traceparent: str | None = None) -> bytes:
    data = AppointmentData(
        appointmentId=str(event.appointment_id),
        doctorId=str(event.doctor_id),
        clinicId=str(event.clinic_id),
        patientId=str(event.patient_id),
        dateTime=timestamp(event.starts_at),
        endsAt=timestamp(event.ends_at),
        status=event.status,
        version=event.sequence,
    )
    if event.previous is not None:
        data["previous"] = _previous_data(event.previous)
    if event.actor_role is not None:
        data["actor"] = ActorData(role=event.actor_role)
    record = CloudEvent(
        specversion="1.0",
        id=str(event.event_id),
        source=SOURCE,
        type=event.type,
        subject=str(event.appointment_id),
        time=timestamp(event.time),
        sequence=str(event.sequence),
        data=data,
    )
    if event.expires_at is not None:
        record["expirytime"] = timestamp(event.expires_at)
    if traceparent is not None:
        record["traceparent"] = traceparent
    return orjson.dumps(record)


def _previous_data(previous: Placement) -> PreviousData:
    return PreviousData(
        doctorId=str(previous.doctor_id),
        clinicId=str(previous.clinic_id),
        dateTime=timestamp(previous.starts_at),
        endsAt=timestamp(previous.ends_at),
    )


def decode(value: bytes | None) -> AppointmentEvent:
    """Read what this or an earlier or later producer wrote; unknown fields are left aside."""
    record = _cloudevent(value)
    try:
        kind = EventType(record["type"])
    except ValueError:
        raise Unreadable(Fault.UNKNOWN_TYPE) from None
    try:
        return _event(kind, record)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise Unreadable(Fault.BAD_DATA) from None


def traceparent_of(value: bytes | None) -> str | None:
    """Of a record that can be read."""
    found = _cloudevent(value).get("traceparent")
    return found if isinstance(found, str) else None


def _cloudevent(value: bytes | None) -> CloudEvent:
    if value is not None and len(value) > LONGEST_RECORD:
        raise Unreadable(Fault.TOO_LARGE)
    try:
        record = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        raise Unreadable(Fault.NOT_JSON) from None
    if not isinstance(record, dict) or record.get("specversion") != "1.0" or "type" not in record:
        raise Unreadable(Fault.NOT_A_CLOUDEVENT)
    read: CloudEvent = record  # type: ignore[assignment] # the rest is checked field by field
    return read


def _event(kind: EventType, record: CloudEvent) -> AppointmentEvent:
    data = record["data"]
    return AppointmentEvent(
        event_id=UUID(record["id"]),
        type=kind,
        time=_instant(record["time"]),
        sequence=_sequence(record["sequence"]),
        appointment_id=UUID(data["appointmentId"]),
        patient_id=UUID(data["patientId"]),
        doctor_id=UUID(data["doctorId"]),
        clinic_id=UUID(data["clinicId"]),
        starts_at=_instant(data["dateTime"]),
        ends_at=_instant(data["endsAt"]),
        status=Status(data["status"]),
        expires_at=_instant(record["expirytime"]) if "expirytime" in record else None,
        previous=_placement(data["previous"]) if "previous" in data else None,
        actor_role=Role(data["actor"]["role"]) if "actor" in data else None,
    )


def _placement(previous: PreviousData) -> Placement:
    return Placement(
        doctor_id=UUID(previous["doctorId"]),
        clinic_id=UUID(previous["clinicId"]),
        starts_at=_instant(previous["dateTime"]),
        ends_at=_instant(previous["endsAt"]),
    )


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("a time without an offset")
    instant = instant.astimezone(UTC)
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ValueError("a time that no clinic has")
    return instant


def _sequence(text: str) -> int:
    sequence = int(text)
    if not 0 < sequence <= LARGEST_VERSION:
        raise ValueError("a version that no appointment has")
    return sequence
