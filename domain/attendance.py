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

    @property
    def has_begun(self) -> bool:
        return self.visit.starts_at <= self.now

    @property
    def is_its_day(self) -> bool:
        """By the clinic's clock, or later."""
        return day_of(self.now, self.zone) >= day_of(self.visit.starts_at, self.zone)


def marked(seen: Attended, mark: Mark) -> Status:
    """What the visit becomes by this mark; raises where it cannot be made now."""
    status = seen.visit.status
    is_awaited = status in {Status.CONFIRMED, Status.ARRIVED}
    match mark:
        case Mark.ARRIVE if status is Status.CONFIRMED and seen.is_its_day:
            return Status.ARRIVED
        case Mark.COMPLETE if is_awaited and seen.has_begun:
            return Status.COMPLETED
        case Mark.NO_SHOW if status is Status.CONFIRMED and seen.has_begun:
            return Status.NO_SHOW
        case Mark.UNDO if status in {Status.ARRIVED, Status.COMPLETED, Status.NO_SHOW}:
            return _before(seen)
        case _:
            raise WrongState


def marked_as_seen(seen: Attended, mark: Mark, *, version: int) -> Status:
    """The same for who has seen this version; another one is refused first."""
    if seen.visit.version != version:
        raise Changed
    return marked(seen, mark)


def _before(seen: Attended) -> Status:
    came = seen.arrived_at is not None and seen.visit.status is not Status.ARRIVED
    return Status.ARRIVED if came else Status.CONFIRMED
