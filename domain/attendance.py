"""Whether a patient came: what may be marked when, and what undoes it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.actors import ActorRef
from domain.booking import Appointment, Status
from domain.errors import Changed, WrongState
from domain.slot import day_of


class Mark(StrEnum):
    """What the clinic says of a visit, as its calls and the history name it."""

    ARRIVE = "arrive"
    COMPLETE = "complete"
    NO_SHOW = "no-show"
    UNDO = "undo-attendance"


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """One mark on one visit, fenced by the version seen; the input of `SettleVisit`.

    `status` is what the visit stands in before it, `becomes` what it stands in then.
    """

    appointment_id: UUID
    attempt_id: UUID
    patient_id: UUID
    doctor_id: UUID
    clinic_id: UUID
    starts_at: datetime
    version: int
    mark: Mark
    status: Status
    becomes: Status
    actor: ActorRef


@dataclass(frozen=True, kw_only=True)
class Attended:
    """A visit as the database has it, `now` by its clock, and when the patient came to it.

    `was_made` says that the mark asked for was made on the version that was seen.
    """

    visit: Appointment
    practitioner_id: UUID
    arrived_at: datetime | None
    zone: ZoneInfo
    now: datetime
    was_made: bool


BECOMES = {
    Mark.ARRIVE: Status.ARRIVED,
    Mark.COMPLETE: Status.COMPLETED,
    Mark.NO_SHOW: Status.NO_SHOW,
}


def can_be_marked(
    status: Status, starts_at: datetime, mark: Mark, *, zone: ZoneInfo, now: datetime
) -> bool:
    """An arrival from the visit's day on, by the clinic's clock; the rest from its beginning on."""
    has_begun = starts_at <= now
    match mark:
        case Mark.ARRIVE:
            return status is Status.CONFIRMED and day_of(now, zone) >= day_of(starts_at, zone)
        case Mark.COMPLETE:
            return status in {Status.CONFIRMED, Status.ARRIVED} and has_begun
        case Mark.NO_SHOW:
            return status is Status.CONFIRMED and has_begun
        case _:  # an undo
            return status in {Status.ARRIVED, Status.COMPLETED, Status.NO_SHOW}


def marks_of(
    status: Status, starts_at: datetime, *, zone: ZoneInfo, now: datetime
) -> tuple[Mark, ...]:
    """What may be marked of a visit now."""
    return tuple(
        mark for mark in Mark if can_be_marked(status, starts_at, mark, zone=zone, now=now)
    )


def marked(seen: Attended, mark: Mark) -> Status:
    """What the visit becomes by this mark; raises where it cannot be made now."""
    visit = seen.visit
    if not can_be_marked(visit.status, visit.starts_at, mark, zone=seen.zone, now=seen.now):
        raise WrongState
    return BECOMES.get(mark) or _before(seen)


def marked_as_seen(seen: Attended, mark: Mark, *, version: int) -> Status:
    """The same for who has seen this version; another one is refused first."""
    if seen.visit.version != version:
        raise Changed
    return marked(seen, mark)


def _before(seen: Attended) -> Status:
    came = seen.arrived_at is not None and seen.visit.status is not Status.ARRIVED
    return Status.ARRIVED if came else Status.CONFIRMED
