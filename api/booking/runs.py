"""What the API asks of the runs of bookings."""

from contextlib import suppress
from uuid import UUID, uuid4

from temporalio.client import WorkflowHandle

from adapters.temporal.client import TemporalConnection
from adapters.temporal.runs import CONFIRM
from adapters.temporal.updates import command
from api.booking.run_summary import RunSummary, summary_of
from api.booking.start_runs import begin_booking, begin_cancellation, begin_move, begin_settlement
from api.booking.temporal_errors import NoAnswer, NoRun, translated
from domain.actors import ActorRef
from domain.attendance import Settlement
from domain.booking import BookingRequest, Cancellation, Move, Outcome, Result
from domain.events import booking_workflow_id, reschedule_workflow_id
from worker.eager_bookings import EagerBookings
from workflows.book_appointment import BookAppointment
from workflows.names import CANCEL, EXTEND, HOLD, extend_update_id, reschedule_update_id
from workflows.reschedule_appointment import RescheduleAppointment


class Runs:
    """Commands to bookings, `by` somebody, or by whoever began the booking.

    Beside a worker the hold and the confirmation are answered by it (`eager`). Without one the run
    is asked through Temporal, wherever it is.
    """

    def __init__(self, temporal: TemporalConnection, eager: EagerBookings | None = None) -> None:
        self._temporal = temporal
        self._eager = eager

    async def hold(self, request: BookingRequest, *, summary: str) -> Outcome:
        """Begin the run, or find it, and wait for what became of the hold."""
        async with translated(request.appointment_id):
            if self._eager is not None:
                return await self._eager.hold(request, summary=summary)
            return await begin_booking(self._temporal.client, request, summary=summary)

    async def held(self, appointment_id: UUID) -> Outcome:
        """What becomes of the hold of a run that is there."""
        async with translated(appointment_id):
            return await self._booking(appointment_id).execute_update(BookAppointment.hold, id=HOLD)

    async def cancel(self, cancellation: Cancellation) -> Outcome:
        """Cancel a visit that has a row."""
        async with translated(cancellation.appointment_id):
            return await begin_cancellation(self._temporal.client, cancellation)

    async def move(self, move: Move) -> Outcome:
        """Move a visit that has a row. Another call with this version may answer for both."""
        async with translated(move.appointment_id):
            if self._eager is not None:
                return await self._eager.move(move)
            return await begin_move(self._temporal.client, move)

    async def moving(self, appointment_id: UUID, version: int) -> Outcome:
        """What becomes of the move of this version that is under way. `NoRun`: there is none."""
        workflow_id = reschedule_workflow_id(appointment_id, version)
        async with translated(appointment_id):
            if self._eager is not None:
                await self._eager.has_begun(workflow_id)
            run = self._temporal.client.get_workflow_handle_for(
                RescheduleAppointment.run, workflow_id
            )
            return await run.execute_update(
                RescheduleAppointment.reschedule, id=reschedule_update_id(uuid4())
            )

    async def settle(self, settlement: Settlement) -> Outcome:
        """Mark a visit that has a row. Another call with this version may answer for both."""
        async with translated(settlement.appointment_id):
            return await begin_settlement(self._temporal.client, settlement)

    async def confirm(self, appointment_id: UUID, by: ActorRef | None = None) -> Outcome:
        """Tell the run that the patient agrees; the same word again is one update."""
        async with translated(appointment_id):
            if self._eager is not None:
                return await self._eager.confirm(appointment_id, by)
            return await command(self._booking(appointment_id), CONFIRM, by=by, id=CONFIRM)

    async def give_up(
        self, appointment_id: UUID, reason: str, by: ActorRef | None = None
    ) -> Outcome:
        """Cancel a booking that is not confirmed."""
        async with translated(appointment_id):
            return await command(self._booking(appointment_id), CANCEL, reason, by=by, id=CANCEL)

    async def extend(
        self, appointment_id: UUID, version: int, by: ActorRef | None = None
    ) -> Outcome:
        async with translated(appointment_id):
            run, update_id = self._booking(appointment_id), extend_update_id(version)
            return await command(run, EXTEND, version, by=by, id=update_id)

    async def summary(self, appointment_id: UUID) -> RunSummary:
        """The wish and the end of a run; no worker is needed, no Action spent."""
        async with translated(appointment_id):
            return await summary_of(self._temporal.client, appointment_id)

    async def none_of(self, appointment_id: UUID) -> None:
        """Take as long as looking for a run that is not there.

        So nobody learns from the time that a stranger's appointment is one.
        """
        with suppress(NoRun, NoAnswer):
            async with translated(appointment_id):
                await summary_of(self._temporal.client, uuid4())

    def _booking(self, appointment_id: UUID) -> WorkflowHandle[BookAppointment, Result]:
        return self._temporal.client.get_workflow_handle_for(
            BookAppointment.run, booking_workflow_id(appointment_id)
        )
