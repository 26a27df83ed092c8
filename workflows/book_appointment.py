"""Book an appointment: hold the slot, wait for the patient, confirm, tell everybody.

Inside `async with Saga()` every step names its undo. A refusal, a failure, or a patient who does
not agree undoes the steps taken. Leaving the block is the point of no return: what follows is
retried until it succeeds, never undone. A Temporal cancel acts only while the run waits for the
patient.
"""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from domain.booking import (
    Appointment,
    BookingRequest,
    CancelReason,
    Outcome,
    Release,
    Result,
    Status,
)
from domain.booking_record import BookingRecord
from domain.documents import AppointmentDocument, document
from domain.errors import HoldExpired, Refused
from domain.events import AppointmentEvent
from workflows import steps
from workflows.answers import answered, reject
from workflows.consent import Cancel, Confirm, Consent
from workflows.details import described_update, note, show
from workflows.saga import Saga, run_to_completion
from workflows.tell_everybody import tell_everybody


@workflow.defn
class BookAppointment:
    """One patient's booking of one slot, from the hold to its end."""

    @workflow.init
    def __init__(self, request: BookingRequest) -> None:
        self._request = request
        self._booking = BookingRecord(request)
        self._consent = Consent(request, self._booking)

    @workflow.run
    async def run(self, _request: BookingRequest) -> Result:
        return await run_to_completion(self._book())

    async def _book(self) -> Result:
        try:
            async with Saga() as saga:
                await saga.step(self._hold, undo=self._release)
                if await self._consent.is_given():
                    await self._confirm()
                else:
                    await saga.compensate()
        except (Refused, ActivityError) as why:
            self._booking.end(why.refusal if isinstance(why, Refused) else HoldExpired().refusal)
        else:
            self._booking.end()
        await self._tell(self._booking.appointment, self._booking.event)
        return await self._end()

    async def _hold(self) -> None:
        self._show("Holding the slot.")
        self._consent.record(await steps.hold_slot(self._request))
        note("slot_held", self._booking.appointment)

    async def _confirm(self) -> None:
        self._show("The patient has agreed: writing the visit as confirmed.")
        self._booking.record(await steps.confirm_appointment(self._request))
        note("visit_confirmed", self._booking.appointment)

    async def _release(self) -> None:
        """The undo of the hold; a visit that turns out confirmed stays confirmed."""
        self._show("Giving the slot back.")
        reason = self._consent.withdrawn
        status = Status.CANCELLED if reason else Status.EXPIRED
        release = Release(request=self._request, status=status, reason=reason)
        self._booking.record((await steps.release_slot(release)).appointment)

    async def _tell(self, appointment: Appointment, event: AppointmentEvent | None) -> None:
        await tell_everybody(appointment, event)

    async def _end(self) -> Result:
        """Whoever asked is answered first; a hold that operations stopped ends as cancelled."""
        self._show("Ended.")
        note("booking_ended", self._booking.appointment)
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._consent.stopped_by_operations and self._booking.status is Status.CANCELLED:
            raise asyncio.CancelledError
        return self._booking.result

    # What others ask of the run. Handlers note the request and wait; the process above decides.

    @described_update("The answer of the hold: the held appointment, or the refusal.")
    async def hold(self) -> Outcome:
        return await answered(lambda: self._booking.first_answer)

    @described_update("The patient agrees.")
    async def confirm(self) -> Outcome:
        return await self._consent.asked(Confirm(), wish=Status.CONFIRMED)

    @described_update("The patient gives the hold up; takes a reason code.")
    async def cancel(self, reason: str) -> Outcome:
        return await self._consent.asked(Cancel(reason=reason), wish=Status.CANCELLED)

    @described_update("The patient needs more time; takes the version that was seen.")
    async def extend(self, version: int) -> Outcome:
        return await self._consent.asked_for_time(version)

    @confirm.validator
    def _can_still_be_confirmed(self) -> None:
        reject(self._booking.why_closed)

    @cancel.validator
    def _can_still_be_given_up(self, reason: str) -> None:
        reject(self._booking.why_closed)
        if reason not in set(CancelReason):
            raise ApplicationError(f"reason is one of {', '.join(CancelReason)}", type="malformed")

    @extend.validator
    def _can_still_be_extended(self, version: int) -> None:
        reject(self._booking.why_not_extended(version))

    @workflow.query(description="The appointment, as the API shows it.")
    def appointment(self) -> AppointmentDocument:
        return document(self._booking.appointment, code=self._booking.result.code)

    def _show(self, now: str) -> None:
        show(self._booking.appointment, now=now, refusal=self._booking.refusal)
