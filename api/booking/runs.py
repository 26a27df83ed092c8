"""What the API asks of the runs of bookings."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.update.v1 import UpdateRef
from temporalio.api.workflowservice.v1 import PollWorkflowExecutionUpdateRequest
from temporalio.client import Client, WorkflowHandle

from adapters.direct_line import DirectLine
from api.booking.run_history import RunHistory, run_history_of
from api.booking.start_runs import begin_booking, begin_cancellation
from api.booking.temporal_errors import NoAnswer, NoRun, outcome_of, translated
from domain.booking import BookingRequest, Cancellation, Outcome
from workflows.names import CANCEL, CONFIRM, HOLD, booking_workflow_id, extend_update_id

EXTEND = "extend"


NO_LINE = DirectLine("")


class Runs:
    """Commands to bookings: by the direct line where it answers, and by one RPC where not."""

    def __init__(self, client: Client, line: DirectLine = NO_LINE) -> None:
        self._client = client
        self._line = line

    async def hold(self, request: BookingRequest, *, summary: str) -> Outcome:
        """Begin the run, or find it, and wait for what became of the hold."""
        with _deadline_is_no_answer(request.appointment_id):
            outcome = await self._line.hold(request, summary=summary)
        return outcome or await begin_booking(self._client, request, summary=summary)

    async def held(self, appointment_id: UUID) -> Outcome:
        """What becomes of the hold of a run that is there."""
        async with translated(appointment_id):
            return outcome_of(
                await self._booking(appointment_id).execute_update(
                    HOLD, id=HOLD, result_type=Outcome
                )
            )

    async def cancel(self, cancellation: Cancellation) -> Outcome:
        """Cancel a visit that has a row."""
        return await begin_cancellation(self._client, cancellation)

    async def confirm(self, appointment_id: UUID) -> Outcome:
        """Tell the run that the patient agrees; the same word again is one update."""
        with _deadline_is_no_answer(appointment_id):
            outcome = await self._line.confirm(appointment_id)
        if outcome is not None:
            return outcome
        async with translated(appointment_id):
            return outcome_of(
                await self._booking(appointment_id).execute_update(
                    CONFIRM, id=CONFIRM, result_type=Outcome
                )
            )

    async def give_up(self, appointment_id: UUID, reason: str) -> Outcome:
        """Cancel a booking that is not confirmed."""
        async with translated(appointment_id):
            return outcome_of(
                await self._booking(appointment_id).execute_update(
                    CANCEL, reason, id=CANCEL, result_type=Outcome
                )
            )

    async def extend(self, appointment_id: UUID, version: int) -> Outcome:
        async with translated(appointment_id):
            return outcome_of(
                await self._booking(appointment_id).execute_update(
                    EXTEND, version, id=extend_update_id(version), result_type=Outcome
                )
            )

    async def has_heard_confirm(self, appointment_id: UUID) -> bool:
        """Whether a confirmation has reached the run; no worker is needed, and no wait."""
        run = WorkflowExecution(workflow_id=booking_workflow_id(appointment_id))
        with suppress(NoRun):
            async with translated(appointment_id):
                await self._client.workflow_service.poll_workflow_execution_update(
                    PollWorkflowExecutionUpdateRequest(
                        namespace=self._client.namespace,
                        update_ref=UpdateRef(workflow_execution=run, update_id=CONFIRM),
                    )
                )
                return True
        return False

    async def story(self, appointment_id: UUID) -> RunHistory:
        """The wish and the end of a run, from its history; no worker is needed, no Action spent."""
        return await run_history_of(self._client, appointment_id)

    def _booking(self, appointment_id: UUID) -> WorkflowHandle[Any, Any]:
        return self._client.get_workflow_handle(booking_workflow_id(appointment_id))


@contextmanager
def _deadline_is_no_answer(appointment_id: UUID) -> Iterator[None]:
    try:
        yield
    except asyncio.CancelledError:
        raise NoAnswer(appointment_id) from None
