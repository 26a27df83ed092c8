"""Cancel a visit: one conditional UPDATE fenced by its version, then tell everybody.

The model of a command: one step that is done or refused, and what every command ends with.
"""

from temporalio import workflow

from domain.booking import Appointment, Cancellation, Outcome, Result, Status, asked_for
from domain.errors import Refused
from domain.events import AppointmentEvent, appointment_cancelled
from workflows import steps
from workflows.answers import answered
from workflows.details import described_update, show
from workflows.saga import run_to_completion
from workflows.tell_everybody import tell_everybody


@workflow.defn
class CancelAppointment:
    """The cancellation of one visit; a refused one changes nothing."""

    @workflow.init
    def __init__(self, cancellation: Cancellation) -> None:
        self._cancellation = cancellation
        self._outcome: Outcome | None = None

    @workflow.run
    async def run(self, _cancellation: Cancellation) -> Result:
        return await run_to_completion(self._cancel())

    async def _cancel(self) -> Result:
        asked, refusal = self._cancellation, None
        visit = asked_for(asked, Status.CONFIRMED)
        show(visit, now="Cancelling the visit.")
        try:
            visit = await steps.cancel_appointment(asked)
        except Refused as refused:
            refusal = refused.refusal
        self._outcome = Outcome(attempt_id=asked.attempt_id, appointment=visit, refusal=refusal)
        if refusal is None:
            await self._tell(visit, _event_of(visit, asked))
        show(visit, now="Ended.", refusal=refusal)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return Result(status=visit.status, code=refusal.code if refusal else None, refusal=refusal)

    async def _tell(self, visit: Appointment, event: AppointmentEvent | None) -> None:
        await tell_everybody(visit, event)

    @described_update("The answer of the cancellation.")
    async def cancel(self) -> Outcome:
        return await answered(lambda: self._outcome)


def _event_of(visit: Appointment, asked: Cancellation) -> AppointmentEvent | None:
    """A hold that is given up is no event; a visit that stood is."""
    return appointment_cancelled(visit, by=asked.actor.role) if visit.confirmed_at else None
