"""Book an appointment: hold the slot, wait for the patient, confirm, tell everybody.

A step's undo is noted before the step runs. A refusal, a hold that kept failing (`ActivityError`:
no other step stops trying), a cancel and a lapse undo the steps; a bug here stalls the run and
undoes nothing. What follows is only retried. A Temporal cancel acts on the wait alone.
"""

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.actors import ActorRef
from domain.booking import Appointment, BookingRequest, Outcome, Result, Status
from domain.booking_record import BookingRecord
from domain.documents import AppointmentDocument, document
from domain.errors import HoldExpired, Refused
from domain.events import AppointmentEvent
from workflows import steps
from workflows.answers import answered, reject, reject_unknown
from workflows.consent import Cancel, Confirm, Consent, Extend
from workflows.details import described_update, note, show_booking
from workflows.saga import Saga, run_to_completion
from workflows.tell_everybody import tell_everybody


@workflow.defn
class BookAppointment:
    """One patient's booking of one slot. Updates leave a request and wait; the process decides."""

    @workflow.init
    def __init__(self, request: BookingRequest) -> None:
        self._request = request
        self._booking = BookingRecord(request)
        self._consent = Consent(self._booking)

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
        show_booking(self._booking, now="Holding the slot.")
        self._consent.record(await steps.hold_slot(self._request))
        note("slot_held", self._booking.appointment)

    async def _confirm(self) -> None:
        show_booking(self._booking, now="The patient has agreed: writing the visit as confirmed.")
        self._booking.confirmed(await steps.confirm_appointment(self._booking.command))

    async def _release(self) -> None:
        """The undo of the hold; a visit that turns out confirmed stays confirmed."""
        show_booking(self._booking, now="Giving the slot back.")
        self._booking.record((await steps.release_slot(self._consent.release)).appointment)

    async def _tell(self, appointment: Appointment, event: AppointmentEvent | None) -> None:
        note(f"booking_{appointment.status}", appointment)
        await tell_everybody(appointment, event, announced=self._booking.announced)

    async def _end(self) -> Result:
        """Open updates are answered first; a hold that a Temporal cancel ended is cancelled."""
        show_booking(self._booking, now="Ended.")
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._consent.raise_if_stopped()
        return self._booking.result

    @described_update("The answer of the hold: the held appointment, or the refusal.")
    async def hold(self) -> Outcome:
        return await answered(lambda: self._booking.first_answer)

    @described_update("The patient agrees.")
    async def confirm(self, by: ActorRef | None = None) -> Outcome:
        return await self._consent.asked(Confirm(by=by), wish=Status.CONFIRMED)

    @described_update("The patient gives the hold up; takes a reason code.")
    async def cancel(self, reason: str, by: ActorRef | None = None) -> Outcome:
        return await self._consent.asked(Cancel(reason=reason, by=by), wish=Status.CANCELLED)

    @described_update("The patient needs more time; takes the version that was seen.")
    async def extend(self, version: int, by: ActorRef | None = None) -> Outcome:
        return await self._consent.asked_for_time(Extend(version=version, by=by))

    @confirm.validator
    def _can_still_be_confirmed(self, by: ActorRef | None = None) -> None:  # noqa: ARG002 - the update's
        reject(self._booking.why_closed)

    @cancel.validator
    def _can_still_be_given_up(self, reason: str, by: ActorRef | None = None) -> None:  # noqa: ARG002 - the update's
        reject(self._booking.why_closed)
        reject_unknown(reason)

    @extend.validator
    def _can_still_be_extended(self, version: int, by: ActorRef | None = None) -> None:  # noqa: ARG002 - the update's
        reject(self._booking.why_not_extended(version))

    @workflow.query(description="The appointment, as the API shows it.")
    def appointment(self) -> AppointmentDocument:
        return document(self._booking.appointment, code=self._booking.result.code)
