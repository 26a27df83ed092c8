"""The appointment, and the messages about it between processes: opaque ids and instants only."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from domain.actors import ActorRef

MAX_EXTENSIONS = 2
"""How often a hold may be extended. WCAG 2.2.1 asks for more time, the clinic for an end."""


class Status(StrEnum):
    """The life of an appointment, as patients and operations read it."""

    PENDING = "pending"  # the hold is on its way
    HELD = "held"  # nobody else can take the slot; the patient has to confirm
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # the patient did not confirm in time
    REFUSED = "refused"  # the slot could not be held
    ARRIVED = "arrived"  # the patient is at the clinic
    COMPLETED = "completed"
    NO_SHOW = "no_show"  # the patient did not come

    @property
    def was_confirmed(self) -> bool:
        """A visit that stands, or what became of it on its day."""
        return self in {Status.CONFIRMED, Status.ARRIVED, Status.COMPLETED, Status.NO_SHOW}

    @property
    def is_final(self) -> bool:
        """No step of the booking changes it any more."""
        return self not in {Status.PENDING, Status.HELD}


class CancelReason(StrEnum):
    """Why a visit was cancelled."""

    PATIENT_REQUEST = "patient_request"
    CLINIC_REQUEST = "clinic_request"
    MISTAKE = "mistake"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """A slot that is free now, offered in place of one that is not."""

    doctor_id: UUID
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why the clinic said no, and what can be done next; `code` is one of `domain.errors`.

    `rule` is one that the clinic has set, `limit` its value, `now` what that was compared with.
    """

    code: str
    appointment_id: UUID | None = None
    patient_id: UUID | None = None
    held_until: datetime | None = None
    retry_after_seconds: int | None = None
    alternatives: list[Alternative] | None = None
    rule: str | None = None
    limit: str | int | None = None
    now: str | int | None = None


@dataclass(frozen=True, kw_only=True)
class BookingRequest:
    """One patient's wish for one slot; the input of `BookAppointment`.

    Every HTTP call has a new `attempt_id`. An outcome with another one is a replay. With a
    `reason` staff pass the rules of the clinic.
    """

    appointment_id: UUID
    attempt_id: UUID
    patient_id: UUID
    doctor_id: UUID
    clinic_id: UUID
    starts_at: datetime
    hold_seconds: int
    max_holds: int
    origin: str
    actor: ActorRef
    service_id: UUID | None = None
    reason: str | None = None
    overbook: bool = False
    """On top of others, on purpose: reception's to decide."""

    @property
    def hold_for(self) -> timedelta:
        return timedelta(seconds=self.hold_seconds)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a hold was asked for with, beside the patient, the doctor, the time and the service.

    `overbook` is null where a move has forgotten it.
    """

    overbook: bool | None
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a visit stands: with which doctor, at which clinic, at what time."""

    doctor_id: UUID
    clinic_id: UUID
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class Appointment:
    """A row of Schedules as the rest of the code sees it. Every change adds one to `version`."""

    appointment_id: UUID
    status: Status
    patient_id: UUID
    doctor_id: UUID
    clinic_id: UUID
    starts_at: datetime
    ends_at: datetime | None = None
    held_until: datetime | None = None
    version: int | None = None
    created_at: datetime | None = None
    confirmed_at: datetime | None = None
    cancelled_at: datetime | None = None
    reason: str | None = None
    extensions_left: int = 0
    moves: int = 0
    rescheduled_at: datetime | None = None
    origin: str = "patient"
    service_id: UUID | None = None
    attendance: str | None = None

    @property
    def kept_minutes(self) -> int | None:
        """A visit keeps the minutes that it was booked with; null where there is no row."""
        if self.ends_at is None:
            return None
        return int((self.ends_at - self.starts_at).total_seconds()) // 60


@dataclass(frozen=True, kw_only=True)
class Confirmation(Appointment):
    """The row that the confirming step has left, and whether that step has announced it as well.

    `announced` is None where it did not try: then the run does.
    """

    announced: bool | None = None

    @property
    def appointment(self) -> Appointment:
        return Appointment(**{each.name: getattr(self, each.name) for each in fields(Appointment)})


@dataclass(frozen=True, kw_only=True)
class Hold:
    """The row, and how many seconds of its hold are left by the database's clock."""

    appointment: Appointment
    lasts_seconds: float


@dataclass(frozen=True, kw_only=True)
class Release:
    """Give a slot back if this appointment still holds it, and leave `status` behind.

    With `only_if_lapsed` the database's clock has to agree that the hold is over.
    """

    request: BookingRequest
    status: Status
    reason: str | None = None
    only_if_lapsed: bool = False


@dataclass(frozen=True, kw_only=True)
class Extension:
    """More time for a hold, fenced by the version that the patient saw."""

    appointment_id: UUID
    version: int
    hold_seconds: int
    actor: ActorRef | None = None


@dataclass(frozen=True, kw_only=True)
class Cancellation:
    """Cancel a visit that has not begun; the input of `CancelAppointment`.

    `version` fences it: a visit that changed since (moved, say) is left alone.
    """

    appointment_id: UUID
    attempt_id: UUID
    patient_id: UUID
    doctor_id: UUID
    clinic_id: UUID
    starts_at: datetime
    version: int
    reason: str
    actor: ActorRef


@dataclass(frozen=True, kw_only=True)
class Move:
    """Move a confirmed visit to another time or doctor; the input of `RescheduleAppointment`.

    `version` fences it, and says with the id what was `previous`. The rest is where it goes to.
    `leaves_day` says whether that is another doctor's day, or another day by the clinic's clock.
    """

    appointment_id: UUID
    attempt_id: UUID
    patient_id: UUID
    version: int
    previous: Placement
    doctor_id: UUID
    clinic_id: UUID
    starts_at: datetime
    leaves_day: bool
    reason: str | None
    actor: ActorRef
    is_offered: bool = False
    """The clinic's own offer, which its rules do not bind."""


class Asked(Protocol):
    """A command about one appointment, as far as every one says it."""

    @property
    def appointment_id(self) -> UUID: ...
    @property
    def patient_id(self) -> UUID: ...
    @property
    def doctor_id(self) -> UUID: ...
    @property
    def clinic_id(self) -> UUID: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def actor(self) -> ActorRef: ...


def asked_for(wish: Asked, status: Status) -> Appointment:
    """The appointment as it is asked for, where its row is not known."""
    return Appointment(
        appointment_id=wish.appointment_id,
        status=status,
        patient_id=wish.patient_id,
        doctor_id=wish.doctor_id,
        clinic_id=wish.clinic_id,
        starts_at=wish.starts_at,
        service_id=wish.service_id if isinstance(wish, BookingRequest) else None,
    )


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The answer to a command: the appointment as it is, and the refusal if there is one."""

    attempt_id: UUID
    appointment: Appointment
    refusal: Refusal | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a run ended, for operations and for whoever asks after it.

    A run that was refused says why; a run of build 0.1.0 says no more than the code.
    """

    status: Status
    code: str | None = None
    refusal: Refusal | None = None
