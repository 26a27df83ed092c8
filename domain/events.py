"""What is announced about an appointment: past facts, with ids that a retry repeats."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from domain.booking import Appointment, Status

EVENTS = UUID("6f1c7d0e-5c4b-5e0a-9d43-7a1f0f3d2b10")
"""Namespace of event ids (uuid5 of appointment, version and type)."""

SOURCE = "/priyom/appointments"


class EventType(StrEnum):
    """CloudEvents types; the last part is the version of the record's shape."""

    CONFIRMED = "org.priyom.appointment.confirmed.v1"
    CANCELLED = "org.priyom.appointment.cancelled.v1"


@dataclass(frozen=True, kw_only=True)
class AppointmentEvent:
    """One fact about one appointment; `sequence` is the appointment's version."""

    event_id: UUID
    type: EventType
    time: datetime
    sequence: int
    appointment_id: UUID
    patient_id: UUID
    doctor_id: UUID
    clinic_id: UUID
    starts_at: datetime
    ends_at: datetime
    status: Status
    expires_at: datetime | None = None
    """When there is no use in telling of it any more (CloudEvents' `expirytime`), if ever."""


def appointment_confirmed(appointment: Appointment) -> AppointmentEvent:
    return _event(EventType.CONFIRMED, appointment, appointment.confirmed_at)


def appointment_cancelled(appointment: Appointment) -> AppointmentEvent:
    return _event(EventType.CANCELLED, appointment, appointment.cancelled_at)


def event_id(appointment_id: UUID, version: int, kind: EventType) -> UUID:
    """The same for every attempt to announce one version of one appointment."""
    return uuid5(EVENTS, f"{appointment_id}:{version}:{kind}")


def _event(
    kind: EventType, appointment: Appointment, happened_at: datetime | None
) -> AppointmentEvent:
    if happened_at is None or appointment.ends_at is None or appointment.version is None:
        raise ValueError(f"{kind} needs an appointment that the database has recorded")
    return AppointmentEvent(
        event_id=event_id(appointment.appointment_id, appointment.version, kind),
        type=kind,
        time=happened_at,
        sequence=appointment.version,
        appointment_id=appointment.appointment_id,
        patient_id=appointment.patient_id,
        doctor_id=appointment.doctor_id,
        clinic_id=appointment.clinic_id,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        status=appointment.status,
    )
