"""Book an appointment: hold the slot, wait for the patient, confirm, announce.

Inside `async with Saga()` every step names its undo; a refusal, a lapse or a cancellation undoes
the steps taken. Leaving the block is the point of no return: what follows is retried until it
succeeds, never undone. A Temporal cancel acts only while the run waits for the patient.
"""

import asyncio
from collections import deque
from dataclasses import replace
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from domain.booking import (
    Appointment,
    BookingRequest,
    CancelReason,
    Extension,
    Hold,
    Outcome,
    Refusal,
    Release,
    Result,
    Status,
)
from domain.documents import AppointmentDocument, document
from domain.errors import (
    AlreadyCancelled,
    AlreadyConfirmed,
    ExtensionLimit,
    HoldExpired,
    Refused,
    VersionMismatch,
    refused,
)
from domain.events import appointment_confirmed
from workflows import steps
from workflows.consent import (
    Cancel,
    Confirm,
    Extend,
    Request,
    StoppedByOperations,
    Withdrawn,
    rejection,
)
from workflows.details import described_update, details_of
from workflows.names import APPOINTMENT_STATUS
from workflows.saga import Saga, uninterrupted

SHORTEST_WAIT = timedelta(milliseconds=50)
"""When the database's clock is behind the timer's, it is asked again this much later."""

CODE_OF_END = {
    Status.CONFIRMED: AlreadyConfirmed.code,
    Status.CANCELLED: AlreadyCancelled.code,
    Status.EXPIRED: HoldExpired.code,
}


@workflow.defn
class BookAppointment:
    """One patient's booking of one slot, from the hold to its end."""

    @workflow.init
    def __init__(self, request: BookingRequest) -> None:
        self._request = request
        self._appointment = Appointment(
            appointment_id=request.appointment_id,
            status=Status.PENDING,
            patient_id=request.patient_id,
            doctor_id=request.doctor_id,
            clinic_id=request.clinic_id,
            starts_at=request.starts_at,
        )
        self._first_answer: Outcome | None = None
        self._refusal: Refusal | None = None
        self._lapses_at = workflow.now()
        self._wishes: deque[Request] = deque()
        self._extended: dict[int, Outcome] = {}

    @workflow.run
    async def run(self, _request: BookingRequest) -> Result:
        return await uninterrupted(self._book())

    async def _book(self) -> Result:
        stopped = False
        try:
            await self._secure()
        except (Refused, FailureError) as no:
            self._end(no)
            stopped = isinstance(no, StoppedByOperations)
        self._tell_operations()
        await self._announce()
        self._show("Ended.")
        await workflow.wait_condition(workflow.all_handlers_finished)
        if stopped:
            raise asyncio.CancelledError
        return Result(
            status=self._appointment.status,
            code=self._code(),
            refusal=self._refusal if self._code() else None,
        )

    async def _secure(self) -> None:
        async with Saga() as saga:
            await saga.step(self._hold, undo=self._release)
            await self._patient_agrees()
            self._appointment = await steps.confirm_appointment(self._request)

    async def _hold(self) -> None:
        self._show("Holding the slot.")
        hold = await steps.hold_slot(self._request)
        self._now(hold)
        if hold.appointment.status in {Status.HELD, Status.CONFIRMED}:
            self._first_answer = self._outcome()

    async def _patient_agrees(self) -> None:
        """Wait for the patient's word; more time starts the wait again."""
        while self._appointment.status is Status.HELD:
            wish = await self._next_wish()
            if isinstance(wish, Cancel):
                raise Withdrawn(wish.reason)
            if isinstance(wish, Confirm):
                self._show("The patient has agreed: writing the visit as confirmed.")
                return
            if isinstance(wish, Extend):
                await self._give_more_time(wish)
            else:
                await self._lapse()
        if self._appointment.status is not Status.CONFIRMED:
            raise refused(self._refusal_of_end())

    async def _next_wish(self) -> Request | None:
        """None when the time is over; a word that arrives together with the end comes first."""
        try:
            if not self._wishes:
                await self._wait_for_a_wish()
        except TimeoutError:
            return None
        if not self._wishes:
            raise StoppedByOperations
        return self._wishes.popleft()

    async def _wait_for_a_wish(self) -> None:
        await workflow.wait_condition(
            lambda: bool(self._wishes) or workflow.cancellation_reason() is not None,
            timeout=self._lapses_at - workflow.now(),
            timeout_summary="the hold lapses unless the patient confirms",
        )

    async def _lapse(self) -> None:
        """The timer only asks: whether the hold is over, the database's clock decides."""
        self._now(
            await steps.release_slot(
                Release(request=self._request, status=Status.EXPIRED, only_if_lapsed=True)
            )
        )

    async def _give_more_time(self, wish: Extend) -> None:
        extension = Extension(
            appointment_id=self._request.appointment_id,
            version=wish.version,
            hold_seconds=self._request.hold_seconds,
        )
        try:
            hold = await steps.extend_hold(extension)
        except Refused as no:
            self._extended[wish.version] = self._outcome(no.refusal)
            return
        self._now(hold)
        self._extended[wish.version] = self._outcome()

    async def _release(self, why: Exception) -> None:
        """The undo of the hold; a visit that turns out confirmed stays confirmed."""
        withdrawn = isinstance(why, Withdrawn)
        self._show("Giving the slot back.")
        self._now(
            await steps.release_slot(
                Release(
                    request=self._request,
                    status=Status.CANCELLED if withdrawn else Status.EXPIRED,
                    reason=why.reason if isinstance(why, Withdrawn) else None,
                )
            )
        )

    def _end(self, no: Refused | FailureError) -> None:
        if self._appointment.status is Status.PENDING:
            self._appointment = replace(self._appointment, status=Status.REFUSED)
        refusal = no.refusal if isinstance(no, Refused) else HoldExpired().refusal
        self._refusal = refusal
        self._first_answer = self._first_answer or self._outcome(refusal)

    async def _announce(self) -> None:
        locally = self._request.announces_locally
        if self._appointment.status is Status.CONFIRMED:
            confirmed = appointment_confirmed(self._appointment)
            await steps.announce(confirmed, self._appointment, locally=locally)
        elif self._appointment.status is not Status.REFUSED:
            await steps.show_change(self._appointment, locally=locally)

    # What others ask of the run. Handlers note the wish and wait; the process above decides.

    @described_update("The answer of the hold: the held appointment, or the refusal.")
    async def hold(self) -> Outcome:
        await workflow.wait_condition(lambda: self._first_answer is not None)
        assert self._first_answer is not None  # noqa: S101 - awaited above
        return self._first_answer

    @described_update("The patient agrees.")
    async def confirm(self) -> Outcome:
        self._wishes.append(Confirm())
        return await self._outcome_that_is(Status.CONFIRMED)

    @described_update("The patient gives the hold up; takes a reason code.")
    async def cancel(self, reason: str) -> Outcome:
        self._wishes.append(Cancel(reason=reason))
        return await self._outcome_that_is(Status.CANCELLED)

    @described_update("The patient needs more time; takes the version that was seen.")
    async def extend(self, version: int) -> Outcome:
        self._wishes.append(Extend(version=version))
        await workflow.wait_condition(
            lambda: version in self._extended or self._appointment.status.is_final
        )
        return self._extended.get(version) or self._outcome(self._refusal_of_end())

    @confirm.validator
    def _can_still_be_confirmed(self) -> None:
        self._reject_after_the_end()

    @cancel.validator
    def _can_still_be_given_up(self, reason: str) -> None:
        self._reject_after_the_end()
        if reason not in set(CancelReason):
            raise ApplicationError(f"reason is one of {', '.join(CancelReason)}", type="malformed")

    @extend.validator
    def _can_still_be_extended(self, version: int) -> None:
        """An outcome is stored for the version that was seen, and for no other."""
        self._reject_after_the_end()
        if version != self._appointment.version:
            raise rejection(VersionMismatch().refusal)
        if not self._appointment.extensions_left:
            raise rejection(ExtensionLimit().refusal)

    @workflow.query(description="The appointment, as the API shows it.")
    def appointment(self) -> AppointmentDocument:
        return document(self._appointment, code=self._code())

    def _reject_after_the_end(self) -> None:
        if self._appointment.status.is_final:
            raise rejection(self._refusal_of_end())

    async def _outcome_that_is(self, wished: Status) -> Outcome:
        await workflow.wait_condition(lambda: self._appointment.status.is_final)
        reached = self._appointment.status is wished
        return self._outcome(None if reached else self._refusal_of_end())

    def _outcome(self, refusal: Refusal | None = None) -> Outcome:
        return Outcome(
            attempt_id=self._request.attempt_id, appointment=self._appointment, refusal=refusal
        )

    def _refusal_of_end(self) -> Refusal:
        code = CODE_OF_END.get(self._appointment.status)
        if code is None:
            return self._refusal or HoldExpired().refusal
        return Refusal(code=code, appointment_id=self._request.appointment_id)

    def _code(self) -> str | None:
        if self._appointment.status is not Status.REFUSED or self._refusal is None:
            return None
        return self._refusal.code

    def _now(self, hold: Hold) -> None:
        self._appointment = hold.appointment
        if hold.appointment.status is Status.HELD:
            left = max(timedelta(seconds=hold.lasts_seconds), SHORTEST_WAIT)
            self._lapses_at = workflow.now() + left
            self._show("Waiting for the patient to confirm.")

    def _tell_operations(self) -> None:
        workflow.upsert_search_attributes(
            [APPOINTMENT_STATUS.value_set(self._appointment.status.value)]
        )
        self._show("Telling everybody who has to know.")

    def _show(self, now: str) -> None:
        """A lapse or a withdrawal is the status itself; only a slot not held was refused."""
        refused = self._appointment.status is Status.REFUSED
        refusal = self._refusal if refused else None
        workflow.set_current_details(details_of(self._appointment, now=now, refusal=refusal))
