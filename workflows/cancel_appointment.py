"""Cancel a visit: one conditional UPDATE fenced by its version, then announce."""

from temporalio import workflow

from domain.booking import Appointment, Cancellation, Outcome, Refusal, Result, Status
from domain.errors import Refused
from domain.events import appointment_cancelled
from workflows import steps
from workflows.details import described_update, details_of
from workflows.names import APPOINTMENT_STATUS
from workflows.saga import uninterrupted


@workflow.defn
class CancelAppointment:
    """The cancellation of one visit; a refused one changes nothing."""

    @workflow.init
    def __init__(self, cancellation: Cancellation) -> None:
        self._cancellation = cancellation
        self._appointment = Appointment(
            appointment_id=cancellation.appointment_id,
            status=Status.CONFIRMED,
            patient_id=cancellation.patient_id,
            doctor_id=cancellation.doctor_id,
            clinic_id=cancellation.clinic_id,
            starts_at=cancellation.starts_at,
        )
        self._refusal: Refusal | None = None
        self._outcome: Outcome | None = None

    @workflow.run
    async def run(self, _cancellation: Cancellation) -> Result:
        return await uninterrupted(self._cancel())

    async def _cancel(self) -> Result:
        self._show("Cancelling the visit.")
        try:
            self._appointment = await steps.cancel_appointment(self._cancellation)
        except Refused as no:
            self._refusal = no.refusal
        self._outcome = Outcome(
            attempt_id=self._cancellation.attempt_id,
            appointment=self._appointment,
            refusal=self._refusal,
        )
        if self._refusal is None:
            await self._announce()
        self._show("Ended.")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return Result(
            status=self._appointment.status,
            code=self._refusal.code if self._refusal else None,
            refusal=self._refusal,
        )

    async def _announce(self) -> None:
        """A hold that is given up is no event; a visit that stood is."""
        workflow.upsert_search_attributes(
            [APPOINTMENT_STATUS.value_set(self._appointment.status.value)]
        )
        self._show("Telling patient and doctor.")
        if self._appointment.confirmed_at is None:
            await steps.show_change(self._appointment)
        else:
            await steps.announce(appointment_cancelled(self._appointment), self._appointment)

    @described_update("The answer of the cancellation.")
    async def cancel(self) -> Outcome:
        await workflow.wait_condition(lambda: self._outcome is not None)
        assert self._outcome is not None  # noqa: S101 - awaited above
        return self._outcome

    def _show(self, now: str) -> None:
        workflow.set_current_details(details_of(self._appointment, now=now, refusal=self._refusal))
