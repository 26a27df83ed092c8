"""Bookings that this worker begins and confirms for an API that asks it directly."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

import structlog
from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from adapters.direct_line import Ask
from domain.booking import BookingRequest, Outcome, Result, Status
from worker.waiters import CONFIRM_APPOINTMENT, HOLD_SLOT, Waiters
from workflows.book_appointment import BookAppointment
from workflows.names import BOOKINGS, CONFIRM, TASK_TIMEOUT, booking_workflow_id
from workflows.starting import labels_of_booking

Answer = TypeVar("Answer")
Run = WorkflowHandle[BookAppointment, Result]

HEARD_WITHIN_SECONDS = 1.0
"""A step that takes longer is asked after in Temporal, which waits as long as it has to."""

CALL_LASTS_SECONDS = 30.0
"""A call goes on behind its caller's back: a task that failed forgets the word, which is said again
until then."""

NOT_HERE = (
    RPCError,
    RPCTimeoutOrCancelledError,
    TimeoutError,
    WorkflowAlreadyStartedError,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
)
"""Reasons to let the caller ask Temporal itself, which says what they mean."""

log = structlog.get_logger(__name__)


class EagerBookings:
    """Bookings that are begun in this process, and confirmations of those that wait here."""

    def __init__(self, client: Client, waiters: Waiters) -> None:
        self._client = client
        self._waiters = waiters
        self._calls: set[asyncio.Task[Any]] = set()
        self._confirming: dict[UUID, asyncio.Task[Outcome]] = {}

    async def answer(self, ask: Ask) -> Outcome | None:
        """None where Temporal has to be asked; whatever goes wrong here is such a reason."""
        try:
            async with asyncio.timeout(HEARD_WITHIN_SECONDS):
                if ask.hold is not None:
                    return await self.hold(ask.hold, summary=ask.summary)
                if ask.confirm is not None:
                    return await self.confirm(ask.confirm)
        except NOT_HERE:
            pass
        except Exception as error:  # noqa: BLE001 - one call must not end the others of its line
            log.warning("direct_call_failed", error=type(error).__name__)
        return None

    async def hold(self, request: BookingRequest, *, summary: str) -> Outcome | None:
        """None where this process does not get to know: the run was there, or is elsewhere.

        A hold is told when its row is there. A refusal has none: it is told when the run has
        ended with it, since another worker that repeated the step might find the slot free again.
        """
        with self._waiters.expecting(HOLD_SLOT, request.appointment_id) as heard:
            run = await self._go_on(self._begin(request, summary=summary))
            if not _was_given_to_us(run):
                return None
            outcome = await heard
        if outcome.refusal is not None:
            end = await run.result()
            return outcome if end.status is Status.REFUSED else None
        return outcome

    async def confirm(self, appointment_id: UUID) -> Outcome | None:
        """The answer comes with the row, if it is written here, and else from the run."""
        with self._waiters.expecting(CONFIRM_APPOINTMENT, appointment_id) as heard:
            asked = self._confirming.get(appointment_id)
            if asked is None:
                asked = self._call(self._confirm(appointment_id))
                self._confirming[appointment_id] = asked
                asked.add_done_callback(lambda _: self._confirming.pop(appointment_id, None))
            await asyncio.wait((heard, asked), return_when=asyncio.FIRST_COMPLETED)
            return asked.result() if asked.done() else heard.result()

    async def _begin(self, request: BookingRequest, *, summary: str) -> Run:
        """The worker that begins a run says how it announces: it is the one that knows how to."""
        return await self._client.start_workflow(
            BookAppointment.run,
            replace(request, announces_locally=True),
            id=booking_workflow_id(request.appointment_id),
            task_queue=BOOKINGS,
            task_timeout=TASK_TIMEOUT,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            request_eager_start=True,
            **labels_of_booking(request, summary=summary),
        )

    async def _confirm(self, appointment_id: UUID) -> Outcome:
        run = self._client.get_workflow_handle(booking_workflow_id(appointment_id))
        async with asyncio.timeout(CALL_LASTS_SECONDS):
            outcome: Outcome = await run.execute_update(CONFIRM, id=CONFIRM, result_type=Outcome)
        return outcome

    async def _go_on(self, call: Coroutine[Any, Any, Answer]) -> Answer:
        """A start whose caller has gone is not broken off: its first task would come to nobody."""
        return await asyncio.shield(self._call(call))

    def _call(self, call: Coroutine[Any, Any, Answer]) -> asyncio.Task[Answer]:
        task = asyncio.create_task(call)
        self._calls.add(task)
        task.add_done_callback(self._has_ended)
        return task

    def _has_ended(self, call: asyncio.Task[Any]) -> None:
        """How it ended is nobody's business once its caller has been answered."""
        self._calls.discard(call)
        if not call.cancelled():
            call.exception()


def _was_given_to_us(run: Run) -> bool:
    """Whether the first task came with the answer; the SDK says so to its own tests only."""
    return bool(getattr(run, "__temporal_eagerly_started", False))
