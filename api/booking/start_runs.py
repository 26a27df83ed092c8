"""How a run is begun and asked in one call of Temporal, by a process without its worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from temporalio.client import Client, RPCTimeoutOrCancelledError, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from domain.attendance import Settlement
from domain.booking import BookingRequest, Cancellation, Move, Outcome, Result
from domain.events import (
    booking_workflow_id,
    cancel_workflow_id,
    reschedule_workflow_id,
    settle_workflow_id,
)
from workflows.book_appointment import BookAppointment
from workflows.cancel_appointment import CancelAppointment
from workflows.names import (
    BOOKINGS,
    CANCEL,
    HOLD,
    TASK_TIMEOUT,
    reschedule_update_id,
    settle_update_id,
)
from workflows.reschedule_appointment import RescheduleAppointment
from workflows.settle_visit import SettleVisit
from workflows.starting import (
    labels_of_booking,
    labels_of_cancellation,
    labels_of_move,
    labels_of_settlement,
)

Operation = WithStartWorkflowOperation[Any, Result]


async def begin_booking(client: Client, request: BookingRequest, *, summary: str) -> Outcome:
    """Start the run, or find it, and wait for what became of the hold."""
    operation: Operation = WithStartWorkflowOperation(
        BookAppointment.run,
        request,
        id=booking_workflow_id(request.appointment_id),
        task_queue=BOOKINGS,
        task_timeout=TASK_TIMEOUT,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        **labels_of_booking(request, summary=summary),
    )
    async with _looked_at(operation):
        return await client.execute_update_with_start_workflow(
            BookAppointment.hold, id=HOLD, start_workflow_operation=operation
        )


async def begin_cancellation(client: Client, cancellation: Cancellation) -> Outcome:
    """Cancel a visit that has a row: a crowd that does so at once is one update of one run.

    A refusal of another wish, of an older version perhaps, may be stored under that update's id:
    it must not answer for this one, which asks again by an id of its own.
    """
    outcome = await _cancel(client, cancellation, f"{CANCEL}-{cancellation.version}")
    if outcome.refusal is None or outcome.attempt_id == cancellation.attempt_id:
        return outcome
    return await _cancel(client, cancellation, f"{CANCEL}-{cancellation.attempt_id}")


async def _cancel(client: Client, cancellation: Cancellation, update_id: str) -> Outcome:
    operation: Operation = WithStartWorkflowOperation(
        CancelAppointment.run,
        cancellation,
        id=cancel_workflow_id(cancellation.appointment_id),
        task_queue=BOOKINGS,
        task_timeout=TASK_TIMEOUT,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        **labels_of_cancellation(cancellation),
    )
    async with _looked_at(operation):
        return await client.execute_update_with_start_workflow(
            CancelAppointment.cancel, id=update_id, start_workflow_operation=operation
        )


async def begin_move(client: Client, move: Move) -> Outcome:
    """Move a visit, or join the run of this version, and wait for what became of it."""
    operation: Operation = WithStartWorkflowOperation(
        RescheduleAppointment.run,
        move,
        id=reschedule_workflow_id(move.appointment_id, move.version),
        task_queue=BOOKINGS,
        task_timeout=TASK_TIMEOUT,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        **labels_of_move(move),
    )
    async with _looked_at(operation):
        return await client.execute_update_with_start_workflow(
            RescheduleAppointment.reschedule,
            id=reschedule_update_id(move.attempt_id),
            start_workflow_operation=operation,
        )


async def begin_settlement(client: Client, settlement: Settlement) -> Outcome:
    """Mark a visit, or join the run of this version, and wait for what became of it."""
    operation: Operation = WithStartWorkflowOperation(
        SettleVisit.run,
        settlement,
        id=settle_workflow_id(settlement.appointment_id, settlement.version),
        task_queue=BOOKINGS,
        task_timeout=TASK_TIMEOUT,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        **labels_of_settlement(settlement),
    )
    async with _looked_at(operation):
        return await client.execute_update_with_start_workflow(
            SettleVisit.settle,
            id=settle_update_id(settlement.attempt_id),
            start_workflow_operation=operation,
        )


@asynccontextmanager
async def _looked_at(operation: Operation) -> AsyncIterator[None]:
    """The operation keeps its fault for a second reader; asyncio complains if there is none."""
    try:
        yield
    except (RPCTimeoutOrCancelledError, RPCError, WorkflowAlreadyStartedError):
        with suppress(asyncio.CancelledError, RPCError, WorkflowAlreadyStartedError):
            await operation.workflow_handle()
        raise
