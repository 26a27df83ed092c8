"""How a booking's run is begun: by the worker's direct line, or by one call of Temporal."""

import asyncio
from contextlib import suppress
from typing import Any
from uuid import UUID

from temporalio.client import Client, RPCTimeoutOrCancelledError, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from api.booking.temporal_errors import outcome_of, translated
from domain.booking import BookingRequest, Cancellation, Outcome, Result
from workflows.book_appointment import BookAppointment
from workflows.cancel_appointment import CancelAppointment
from workflows.names import (
    BOOKINGS,
    CANCEL,
    HOLD,
    TASK_TIMEOUT,
    booking_workflow_id,
    cancel_workflow_id,
)
from workflows.starting import labels_of_booking, labels_of_cancellation


async def begin_booking(client: Client, request: BookingRequest, *, summary: str) -> Outcome:
    """Start the run, or find it, and wait for what became of the hold."""
    operation = WithStartWorkflowOperation(
        BookAppointment.run,
        request,
        id=booking_workflow_id(request.appointment_id),
        task_queue=BOOKINGS,
        task_timeout=TASK_TIMEOUT,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        **labels_of_booking(request, summary=summary),
    )
    return await _begun(client, request.appointment_id, HOLD, HOLD, operation)


async def begin_cancellation(client: Client, cancellation: Cancellation) -> Outcome:
    """Cancel a visit that has a row.

    The update's id names the version: an outcome that was stored for an older version, which
    the run was refused for, must not answer for this one.
    """
    operation = WithStartWorkflowOperation(
        CancelAppointment.run,
        cancellation,
        id=cancel_workflow_id(cancellation.appointment_id),
        task_queue=BOOKINGS,
        task_timeout=TASK_TIMEOUT,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        **labels_of_cancellation(cancellation),
    )
    update_id = f"{CANCEL}-{cancellation.version}"
    return await _begun(client, cancellation.appointment_id, CANCEL, update_id, operation)


async def _begun(
    client: Client,
    appointment_id: UUID,
    update: str,
    update_id: str,
    operation: WithStartWorkflowOperation[Any, Result],
) -> Outcome:
    async with translated(appointment_id):
        try:
            return outcome_of(
                await client.execute_update_with_start_workflow(
                    update, id=update_id, start_workflow_operation=operation, result_type=Outcome
                )
            )
        except (RPCTimeoutOrCancelledError, RPCError, WorkflowAlreadyStartedError):
            await _look_at_the_fault(operation)
            raise


async def _look_at_the_fault(operation: WithStartWorkflowOperation[Any, Result]) -> None:
    """The operation keeps its fault for a second reader; asyncio complains if there is none."""
    with suppress(asyncio.CancelledError, RPCError, WorkflowAlreadyStartedError):
        await operation.workflow_handle()
