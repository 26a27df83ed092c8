"""What is known of one booking: how it stands, what was answered, and why it goes no further."""

from dataclasses import replace

from domain.actors import ActorRef
from domain.booking import (
    Appointment,
    BookingRequest,
    Confirmation,
    Outcome,
    Refusal,
    Result,
    Status,
    asked_for,
)
from domain.errors import (
    AlreadyCancelled,
    AlreadyConfirmed,
    ExtensionLimit,
    HoldExpired,
    VersionMismatch,
)
from domain.events import AppointmentEvent, appointment_confirmed

CODE_OF_END = {
    Status.CONFIRMED: AlreadyConfirmed.code,
    Status.ARRIVED: AlreadyConfirmed.code,
    Status.COMPLETED: AlreadyConfirmed.code,
    Status.NO_SHOW: AlreadyConfirmed.code,
    Status.CANCELLED: AlreadyCancelled.code,
    Status.EXPIRED: HoldExpired.code,
}


class BookingRecord:
    """The appointment as the database last showed it, and the answers that follow from it."""

    def __init__(self, request: BookingRequest) -> None:
        self._request = request
        self.command = request
        """The wish, with whoever acts now."""
        self._refusal: Refusal | None = None
        self._extensions: dict[int, Outcome] = {}
        self.first_answer: Outcome | None = None
        self.appointment = asked_for(request, Status.PENDING)
        self.announced: bool | None = None
        """Whether the step that confirmed it has told everybody; None where it did not try."""

    @property
    def status(self) -> Status:
        return self.appointment.status

    @property
    def has_ended(self) -> bool:
        return self.status.is_final

    # What happens to the booking.

    def commanded(self, by: ActorRef | None) -> None:
        """From now on it is this one who acts; a command of nobody's is that of who booked."""
        self.command = self._request
        if by is not None and by != self._request.actor:
            self.command = replace(self._request, actor=by)

    def record(self, appointment: Appointment) -> None:
        """A step has left the row like this; the first that stands answers the hold."""
        self.appointment = appointment
        if self.first_answer is None and self.status in {Status.HELD, Status.CONFIRMED}:
            self.first_answer = self.outcome()

    def confirmed(self, confirmation: Confirmation) -> None:
        self.record(confirmation.appointment)
        self.announced = confirmation.announced

    def extended(self, version: int, refusal: Refusal | None = None) -> None:
        """More time was given to the patient who saw this version, or refused."""
        self._extensions[version] = self.outcome(refusal)

    def end(self, refusal: Refusal | None = None) -> None:
        """No step changes it any more; without a row it was refused."""
        if self.status is Status.PENDING:
            self.appointment = replace(self.appointment, status=Status.REFUSED)
            self._refusal = refusal
        self.first_answer = self.first_answer or self.outcome(self.why_it_ended)

    # What is answered.

    def outcome(self, refusal: Refusal | None = None) -> Outcome:
        return Outcome(
            attempt_id=self._request.attempt_id, appointment=self.appointment, refusal=refusal
        )

    def outcome_of(self, wished: Status) -> Outcome:
        """For whoever wished for this end, once there is one."""
        return self.outcome(None if self.status is wished else self.why_it_ended)

    def outcome_of_extension(self, version: int) -> Outcome | None:
        """For whoever asked for more time; None while it is neither given nor over."""
        answer = self._extensions.get(version)
        return answer or (self.outcome(self.why_it_ended) if self.has_ended else None)

    @property
    def refusal(self) -> Refusal | None:
        """Why the slot was never held; None for every booking that had a row."""
        return self._refusal

    @property
    def why_it_ended(self) -> Refusal:
        """What a command is told that comes after the end."""
        if self._refusal is not None:
            return self._refusal
        code = CODE_OF_END.get(self.status, HoldExpired.code)
        return Refusal(code=code, appointment_id=self._request.appointment_id)

    @property
    def why_closed(self) -> Refusal | None:
        """The refusal of a command that comes too late; None while one may come."""
        return self.why_it_ended if self.has_ended else None

    def why_not_extended(self, version: int) -> Refusal | None:
        """The refusal of an extension before it is tried; None where it may be."""
        if self.has_ended:
            return self.why_it_ended
        if version != self.appointment.version:
            return VersionMismatch().refusal
        if not self.appointment.extensions_left:
            return ExtensionLimit().refusal
        return None

    @property
    def event(self) -> AppointmentEvent | None:
        """A hold that was given up or has lapsed is none."""
        if self.status is not Status.CONFIRMED:
            return None
        return appointment_confirmed(self.appointment, by=self.command.actor.role)

    @property
    def result(self) -> Result:
        code = self._refusal.code if self._refusal else None
        return Result(status=self.status, code=code, refusal=self._refusal)
