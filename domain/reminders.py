"""Reminders: when a patient is told once more of a visit that is ahead.

Everything is reckoned from the visit's row, so nothing is remembered of a visit that is open.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from domain.durations import Duration
from domain.quiet_hours import BEFORE_THE_QUIET, TIME_TO_GET_READY, QuietHours

REMINDERS = UUID("0c5a8e0b-31a7-5d0f-9b7e-4f6f2a1d9c43")
"""Namespace of reminder ids (uuid5 of appointment, version and step)."""

AFTER_BOOKING = timedelta(hours=2)
"""Who has just booked needs no reminder. A move is no booking."""

LATEST = timedelta(seconds=90)
"""So late a step may be. One that lay further back when the visit was moved here is none."""

CATCH_UP = timedelta(days=1)
"""After a fault of this length a step is not made up for any more."""

MONTH = (28, 31)
"""Days: the shortest and the longest."""


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """A visit that is ahead; `moved_at` is when it was moved to this time, if it was."""

    starts_at: datetime
    booked_at: datetime
    moved_at: datetime | None
    clinic_zone: ZoneInfo
    patient_zone: ZoneInfo


@dataclass(frozen=True, kw_only=True)
class MessageKind:
    """What its messages are called in the record, and in what patients agree to."""

    name: str
    letter: str
    consent: str


@dataclass(frozen=True, kw_only=True)
class Reminder:
    """One step for one version of a visit, by all channels; opaque ids and instants."""

    kind: ClassVar[MessageKind] = MessageKind(
        name="reminder", letter="reminder", consent="reminder"
    )

    event_id: UUID
    step: str
    time: datetime
    sequence: int
    appointment_id: UUID
    patient_id: UUID
    doctor_id: UUID
    clinic_id: UUID
    starts_at: datetime
    ends_at: datetime

    @property
    def expires_at(self) -> datetime:
        """None goes out after the visit has begun."""
        return self.starts_at


def is_due(due: datetime, now: datetime, since: datetime | None = None) -> bool:
    """Whether it is to go out now; what is overdue by a day is past.

    `since` is when the clinic began to remind by this step, null for long ago. What was due before
    is not made up for.
    """
    if since is not None and due < since - LATEST:
        return False
    return now - CATCH_UP < due <= now


def reminder_id(appointment_id: UUID, version: int, step: str) -> UUID:
    """The same for every attempt to remind of one version of one visit."""
    return uuid5(REMINDERS, f"{appointment_id}:{version}:{step}")


def remind_workflow_id(reminder: Reminder) -> str:
    """By version: of each there is one reminder a step at most."""
    return f"remind-{reminder.appointment_id}-{reminder.sequence}-{reminder.step}"


def due_at(step: Duration, visit: Ahead, quiet: QuietHours) -> datetime | None:
    """When the step is due, in UTC; None where it lies before the booking, or before the move.

    At night it is due in the morning, or, where that would be too close to the visit, in the
    evening before. A visit that has come about since that evening is told of at night.
    """
    due = step.before(visit.starts_at, visit.clinic_zone)
    earliest = _earliest(visit)
    if due < earliest or due >= visit.starts_at:
        return None
    night = quiet.around(due, visit.patient_zone)
    if night is None:
        return due
    evening, morning = night
    if morning <= visit.starts_at - TIME_TO_GET_READY:
        return morning
    before = evening - BEFORE_THE_QUIET
    return before if before >= earliest else due


def _earliest(visit: Ahead) -> datetime:
    booked = visit.booked_at + AFTER_BOOKING
    return booked if visit.moved_at is None else max(booked, visit.moved_at - LATEST)


def reach(step: Duration, quiet: QuietHours) -> tuple[timedelta, timedelta]:
    """Between how long from now visits begin that a step may be due for: never too narrow.

    A day by the wall clock is as much as two hours longer or shorter; a short step may be due in
    the evening before a night.
    """
    clocks = timedelta(hours=2)
    shortest, longest = (
        timedelta(days=step.months * days + step.days, seconds=step.seconds) for days in MONTH
    )
    night = quiet.lasts + BEFORE_THE_QUIET
    early = night if shortest <= night + TIME_TO_GET_READY + clocks else timedelta()
    return max(shortest - CATCH_UP - clocks, timedelta()), longest + early + clocks
