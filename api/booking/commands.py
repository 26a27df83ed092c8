"""What a patient does with an appointment: confirm it, give it up, ask for more time, read it."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from adapters.postgres.appointments import Seen, see
from adapters.postgres.database import Database
from adapters.postgres.reads import read_by_cursor
from api.booking.move import Moves
from api.booking.offered import accept_offer
from api.booking.runs import Runs
from api.booking.taken_offers import see_what_answers, visit_that_took
from api.booking.temporal_errors import NoAnswer, NoRun
from api.http.actor import check
from domain.actors import Actor, ActorRef
from domain.booking import Appointment, Cancellation, CancelReason, Outcome, Refusal, Status
from domain.booking_record import CODE_OF_END
from domain.clinic_rules import passes_rules, refuse_cancelling
from domain.errors import (
    AlreadyCancelled,
    AlreadyConfirmed,
    AppointmentNotFound,
    Changed,
    ExtensionLimit,
    HoldExpired,
    Refused,
    TooLate,
    VersionMismatch,
    WrongState,
    refused,
)
from domain.permissions import Action, Whose

MAX_ROUNDS = 3
"""A visit that changes while it is being cancelled is read again, but not for ever."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """An appointment as it is now; `code` says why a refused one was.

    `by`: whoever asked, in the role that lets him. `is_lost`: its run wrote a row that is gone, so
    nobody knows what became of it.
    """

    appointment: Appointment
    by: Actor
    code: str | None = None
    is_lost: bool = False


class Commands:
    """Commands about one appointment. The row is looked at before a run is asked."""

    def __init__(self, database: Database, runs: Runs) -> None:
        self._database = database
        self._runs = runs
        self._moves = Moves(database, runs, b"")  # no key is sent with an offer

    async def find(self, appointment_id: UUID, by: Actor) -> Found:
        """Whoever may not see it is told what they are told where there is none.

        Raises `NoAnswer` for one whose row is lost: a database that was restored, perhaps.
        """
        seen = await see_what_answers(self._database, appointment_id)
        if seen is not None:
            actor = await self._let_in(by, Action.READ_VISIT, seen)
            return Found(appointment=seen.appointment, by=actor)
        found = await self._find_run(appointment_id, by, Action.READ_VISIT)
        if found.is_lost:
            raise NoAnswer(appointment_id)
        return found

    async def hide(self, appointment_id: UUID) -> None:
        """Take as long as for one that is not there, where another place has refused it."""
        await self._runs.none_of(appointment_id)

    async def _find_run(self, appointment_id: UUID, by: Actor, action: Action) -> Found:
        try:
            run = await self._runs.summary(appointment_id)
        except NoRun:
            raise AppointmentNotFound from None
        seen = await self._see(appointment_id)  # the run may have written it meanwhile
        if seen is not None:
            return Found(appointment=seen.appointment, by=_check(by, action, seen.appointment))
        code = run.result.code if run.result else None
        actor = _check(by, action, run.appointment)
        return Found(appointment=run.appointment, by=actor, code=code, is_lost=run.had_a_row)

    async def confirm(self, appointment_id: UUID, by: Actor) -> Appointment:
        seen, actor = await self._see_as(by, appointment_id)
        if seen is not None and seen.offered_visit is not None:
            return await accept_offer(self._moves, seen, await self._see(seen.offered_visit), by)
        if seen is None or seen.appointment.status is Status.HELD:
            try:
                confirmed = _agreed(await self._runs.confirm(appointment_id, actor))
                return await self._borne_out(confirmed, seen)
            except (NoRun, AlreadyConfirmed):
                seen = await self._see(appointment_id)
            if seen is None:
                raise await self._why_never_held(appointment_id)
            if seen.appointment.status is Status.HELD:
                # Its run was ended by force, perhaps with this very step in hand: the row decides
                # when it is confirmed after all, when it lapses or when the audit releases it.
                raise NoAnswer(appointment_id)
        return _confirmed(seen.appointment)

    async def extend(self, appointment_id: UUID, version: int, by: Actor) -> Appointment:
        """The run first: the same version again is given the same stored answer."""
        actor = None  # that of the hold
        if not by.is_anyone:
            _, actor = await self._see_as(by, appointment_id)
        try:
            return await self._borne_out(await self._extend(appointment_id, version, actor))
        except NoRun:
            seen = await self._see(appointment_id)
            if seen is None:
                raise await self._why_never_held(appointment_id) from None
            if seen.offered_visit is not None and seen.appointment.status is Status.HELD:
                raise ExtensionLimit from None
            if seen.appointment.status is Status.HELD:  # as for a confirm, nobody knows yet
                raise NoAnswer(appointment_id) from None
            seen = await visit_that_took(self._database, seen.appointment) or seen
            raise _why_ended(seen.appointment) from None

    async def _extend(
        self, appointment_id: UUID, version: int, actor: ActorRef | None
    ) -> Appointment:
        try:
            return _agreed(await self._runs.extend(appointment_id, version, actor))
        except VersionMismatch:
            seen = await self._see(appointment_id)
            if seen is None:
                raise
            if seen.appointment.status is not Status.HELD:  # the run has yet to learn of the end
                raise _why_ended(seen.appointment) from None
            if seen.appointment.version != version:
                raise
        # Either the row was extended, but the run's server died with the word: that one is said
        # again first. Or the run is only about to learn of its hold, and has by now.
        if version > 1:
            await self._runs.extend(appointment_id, version - 1, actor)
        return _agreed(await self._runs.extend(appointment_id, version, actor))

    async def cancel(
        self, appointment_id: UUID, reason: str | None, version: int | None = None, *, by: Actor
    ) -> Appointment:
        """With a version: only what the caller has seen is cancelled, else `Changed`.

        Staff who give a reason pass the clinic's rules.
        """
        for _ in range(MAX_ROUNDS):
            seen, actor = await self._see_as(by, appointment_id)
            if seen is None and version is not None:
                raise await self._why_never_held(appointment_id)
            if seen is not None and version is not None:
                _refuse_what_changed(seen.appointment, version)
            try:
                return await self._cancel(appointment_id, seen, reason, actor)
            except (NoRun, AlreadyConfirmed, AlreadyCancelled, VersionMismatch):
                continue  # it changed under our hands
        raise NoAnswer(appointment_id)  # it keeps changing: whoever asks again finds it at rest

    async def _cancel(
        self, appointment_id: UUID, seen: Seen | None, given: str | None, actor: ActorRef
    ) -> Appointment:
        reason = given or CancelReason.PATIENT_REQUEST
        if seen is None:
            return await self._cancel_pending(appointment_id, reason, actor)
        if seen.appointment.status is Status.CANCELLED:
            return seen.appointment
        if seen.appointment.status is Status.EXPIRED:
            raise HoldExpired
        if seen.appointment.status is Status.HELD:
            try:
                given_up = _agreed(await self._runs.give_up(appointment_id, reason, actor))
                return await self._borne_out(given_up, seen)
            except NoRun:
                pass  # nobody waits for this hold: it is cancelled as a visit is, by its row
        if seen.has_begun:
            raise TooLate
        if seen.appointment.status is Status.ARRIVED:
            raise WrongState
        if not passes_rules(actor, given):
            refuse_cancelling(seen.ruled)
        return _agreed(await self._runs.cancel(_cancellation(seen.appointment, reason, actor)))

    async def _cancel_pending(
        self, appointment_id: UUID, reason: str, actor: ActorRef
    ) -> Appointment:
        try:
            given_up = _agreed(await self._runs.give_up(appointment_id, reason, actor))
            return await self._borne_out(given_up)
        except NoRun:
            if await self._see(appointment_id) is None:
                raise await self._why_never_held(appointment_id) from None
            raise

    async def _why_never_held(self, appointment_id: UUID) -> Refused:
        """The refusal that its run ended with; where there was no run, there is no appointment."""
        try:
            run = await self._runs.summary(appointment_id)
        except NoRun:
            return AppointmentNotFound()
        if run.result is None or run.had_a_row:
            raise NoAnswer(appointment_id)
        return run.refusal

    async def _borne_out(self, told: Appointment, seen: Seen | None = None) -> Appointment:
        """What a run says it has done, if the row has it as well. Raises `NoRun` where it has not.

        A run answers the same word again with what it answered first. After a restore of the
        database that may be a change that the row knows nothing of. What was done since the row was
        read needs no second look.
        """
        done_at = told.cancelled_at or told.confirmed_at
        if seen is not None and done_at is not None and done_at >= seen.at:
            return told
        row = await self._see(told.appointment_id)
        if row is None or (row.appointment.version or 0) < (told.version or 0):
            raise NoRun
        return told

    async def _see_as(self, by: Actor, appointment_id: UUID) -> tuple[Seen | None, ActorRef]:
        """The row, and the caller in the role that lets him command it; its run where it has none.

        Of an offer that was taken it is the visit's, which may be at another clinic by now.
        Refuses whoever may not as if there were no such appointment.
        """
        seen = await see_what_answers(self._database, appointment_id)
        if seen is not None:
            actor = await self._let_in(by, Action.CHANGE_VISIT, seen)
            return seen, actor.ref_for(seen.appointment.patient_id)
        found = await self._find_run(appointment_id, by, Action.CHANGE_VISIT)
        return None, found.by.ref_for(found.appointment.patient_id)

    async def _let_in(self, by: Actor, action: Action, seen: Seen) -> Actor:
        try:
            return _check(by, action, seen.appointment, seen.practitioner_id)
        except AppointmentNotFound:
            await self._runs.none_of(seen.appointment.appointment_id)
            raise

    async def _see(self, appointment_id: UUID) -> Seen | None:
        return await read_by_cursor(self._database, lambda cursor: see(cursor, appointment_id))


def _agreed(outcome: Outcome) -> Appointment:
    if outcome.refusal is not None:
        raise refused(outcome.refusal)
    return outcome.appointment


def _confirmed(appointment: Appointment) -> Appointment:
    if not appointment.status.was_confirmed:
        raise _why_ended(appointment)
    return appointment


def _refuse_what_changed(appointment: Appointment, seen_version: int) -> None:
    """What is over cannot be harmed: it has an answer of its own."""
    is_live = appointment.status in {Status.HELD, Status.CONFIRMED, Status.ARRIVED}
    if is_live and appointment.version != seen_version:
        raise Changed


def _why_ended(appointment: Appointment) -> Refused:
    return refused(Refusal(code=CODE_OF_END.get(appointment.status, HoldExpired.code)))


def _check(
    by: Actor, action: Action, appointment: Appointment, practitioner_id: UUID | None = None
) -> Actor:
    whose = Whose(
        patient_id=appointment.patient_id,
        practitioner_id=practitioner_id,
        clinic_id=appointment.clinic_id,
    )
    return check(by, action, whose, hidden=AppointmentNotFound)


def _cancellation(appointment: Appointment, reason: str, actor: ActorRef) -> Cancellation:
    return Cancellation(
        appointment_id=appointment.appointment_id,
        attempt_id=uuid4(),
        patient_id=appointment.patient_id,
        doctor_id=appointment.doctor_id,
        clinic_id=appointment.clinic_id,
        starts_at=appointment.starts_at,
        version=appointment.version or 1,
        reason=reason,
        actor=actor,
    )
