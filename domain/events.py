"""Events about an appointment: past facts, whose ids a retry repeats.

`EVENT_KINDS` is the only place that tells types of events apart. A new type is a new row there.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from domain.actors import Role
from domain.booking import Appointment, Placement, Status

EVENTS = UUID("6f1c7d0e-5c4b-5e0a-9d43-7a1f0f3d2b10")
"""Namespace of event ids (uuid5 of appointment, version and type)."""

SOURCE = "/priyom/appointments"


class EventType(StrEnum):
    """CloudEvents types; the last part is the version of the record's shape."""

    CONFIRMED = "org.priyom.appointment.confirmed.v1"
    CANCELLED = "org.priyom.appointment.cancelled.v1"
    RESCHEDULED = "org.priyom.appointment.rescheduled.v1"
    OFFERED = "org.priyom.appointment.offered.v1"
    REOFFERED = "org.priyom.appointment.reoffered.v1"


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
    """After this nobody needs to be told any more (CloudEvents' `expirytime`)."""

    previous: Placement | None = None
    """Where a visit stood before it was moved."""

    actor_role: Role | None = None
    """In what capacity somebody made the change, never who; null where only the row is known."""

    @property
    def kind(self) -> "EventKind":
        """What everybody has to know about events of this type."""
        return EVENT_KINDS[self.type]


def booking_workflow_id(appointment_id: UUID) -> str:
    return f"appointment-{appointment_id}"


def cancel_workflow_id(appointment_id: UUID) -> str:
    return f"cancel-{appointment_id}"


def reschedule_workflow_id(appointment_id: UUID, version: int) -> str:
    """By the version that the mover has seen: of each there is one move at most."""
    return f"reschedule-{appointment_id}-{version}"


def settle_workflow_id(appointment_id: UUID, version: int) -> str:
    """By the version that was marked: of each there is one mark at most."""
    return f"settle-{appointment_id}-{version}"


@dataclass(frozen=True, kw_only=True)
class EventKind:
    """One row of the table: what everybody has to know about one type of event."""

    name: str
    """The row keeps the version and the instant of this change in `<name>_version` and `<name>_at`;
    notifications and the audit keep the name as their `kind`."""

    title: str
    """What happened, for the readers of docs/asyncapi.yaml."""

    status: Status
    """What the change left the appointment in."""

    happened_at: Callable[[Appointment], datetime | None]
    announced_by: Callable[[UUID, int], str]
    """The id of the run that publishes it, from the appointment's id and the event's sequence."""

    run_waits_for_patient: bool
    """Whether that run may have missed a confirmation, so that the audit has to send it again."""

    letter: str
    """The template of the message to the patient."""

    consent: str
    """The kind of message that the patient agreed to or not."""

    of_visit: bool = True
    """Whether a visit's row keeps it. An offer has a row of its own, and is the patient's alone."""

    @property
    def schema(self) -> str:
        """The name of the message and of its schema in docs/asyncapi.yaml."""
        return self.name.capitalize()


EVENT_KINDS: dict[EventType, EventKind] = {
    EventType.CONFIRMED: EventKind(
        name="confirmed",
        title="A visit was confirmed",
        status=Status.CONFIRMED,
        happened_at=lambda appointment: appointment.confirmed_at,
        announced_by=lambda appointment_id, _: booking_workflow_id(appointment_id),
        run_waits_for_patient=True,
        letter="confirmed",
        consent="confirmed",
    ),
    EventType.CANCELLED: EventKind(
        name="cancelled",
        title="A confirmed visit was cancelled",
        status=Status.CANCELLED,
        happened_at=lambda appointment: appointment.cancelled_at,
        announced_by=lambda appointment_id, _: cancel_workflow_id(appointment_id),
        run_waits_for_patient=False,
        letter="cancelled",
        consent="cancelled",
    ),
    EventType.RESCHEDULED: EventKind(
        name="rescheduled",
        title="A confirmed visit was moved to another time or doctor",
        status=Status.CONFIRMED,
        happened_at=lambda appointment: appointment.rescheduled_at,
        announced_by=lambda appointment_id, sequence: reschedule_workflow_id(
            appointment_id, sequence - 1
        ),
        run_waits_for_patient=False,
        letter="rescheduled",
        consent="rescheduled",
    ),
    EventType.OFFERED: EventKind(
        name="offered",
        title="A patient was offered another time, which is held",
        status=Status.HELD,
        happened_at=lambda appointment: appointment.created_at,
        announced_by=lambda appointment_id, _: f"offer-{appointment_id}",
        run_waits_for_patient=False,
        letter="offered",
        consent="rescheduled",
        of_visit=False,
    ),
    EventType.REOFFERED: EventKind(
        name="reoffered",
        title="A patient was reminded of an offer",
        status=Status.HELD,
        happened_at=lambda appointment: appointment.created_at,
        announced_by=lambda appointment_id, _: f"offer-{appointment_id}",
        run_waits_for_patient=False,
        letter="offered",
        consent="rescheduled",
        of_visit=False,
    ),
}


def type_named(name: str) -> EventType:
    """The type of the events that tables keep under this name. Raises KeyError."""
    return {kind.name: type_ for type_, kind in EVENT_KINDS.items()}[name]


def appointment_confirmed(appointment: Appointment, *, by: Role | None = None) -> AppointmentEvent:
    return event_of(EventType.CONFIRMED, appointment, by=by)


def appointment_cancelled(appointment: Appointment, *, by: Role | None = None) -> AppointmentEvent:
    return event_of(EventType.CANCELLED, appointment, by=by)


def appointment_rescheduled(
    appointment: Appointment, previous: Placement, *, by: Role | None = None
) -> AppointmentEvent:
    return replace(event_of(EventType.RESCHEDULED, appointment, by=by), previous=previous)


def appointment_offered(
    offer: Appointment, visit: Appointment, type_: EventType = EventType.OFFERED
) -> AppointmentEvent:
    """Of the offer's own row; `previous` is where the visit stands until its patient agrees."""
    stands = Placement(
        doctor_id=visit.doctor_id,
        clinic_id=visit.clinic_id,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at or visit.starts_at,
    )
    return replace(event_of(type_, offer, by=Role.SYSTEM), previous=stands)


def event_id(appointment_id: UUID, version: int, kind: EventType) -> UUID:
    """The same for every attempt to announce one version of one appointment."""
    return uuid5(EVENTS, f"{appointment_id}:{version}:{kind}")


def event_of(
    type_: EventType, appointment: Appointment, *, by: Role | None = None
) -> AppointmentEvent:
    """The event of the change that left the appointment as it is here."""
    happened_at = EVENT_KINDS[type_].happened_at(appointment)
    if happened_at is None or appointment.ends_at is None or appointment.version is None:
        raise ValueError(f"{type_} needs an appointment that the database has recorded")
    return AppointmentEvent(
        event_id=event_id(appointment.appointment_id, appointment.version, type_),
        type=type_,
        time=happened_at,
        sequence=appointment.version,
        appointment_id=appointment.appointment_id,
        patient_id=appointment.patient_id,
        doctor_id=appointment.doctor_id,
        clinic_id=appointment.clinic_id,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        status=appointment.status,
        actor_role=by,
    )
