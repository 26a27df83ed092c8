"""The worker's end of the API's direct line: begins bookings here, and tells of their rows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import structlog
from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from adapters.direct_line import ASK, LONGEST_LINE, TOLD, Ask, Told
from domain.booking import BookingRequest, Outcome
from worker.heard import CONFIRM_APPOINTMENT, HOLD_SLOT, Heard
from workflows.book_appointment import BookAppointment
from workflows.names import BOOKINGS, CONFIRM, TASK_TIMEOUT, booking_workflow_id
from workflows.starting import labels_of_booking

HEARD_WITHIN_SECONDS = 1.0
"""A step that takes longer is asked after in Temporal, which waits as long as it has to."""

NOT_HERE = (
    RPCError,
    RPCTimeoutOrCancelledError,
    TimeoutError,
    WorkflowAlreadyStartedError,
    WorkflowUpdateFailedError,
)
"""Reasons to let the caller ask Temporal itself, which says what they mean."""

log = structlog.get_logger(__name__)


class Bookings:
    """Bookings that are begun in this process, and confirmations of those that wait here."""

    def __init__(self, client: Client, heard: Heard) -> None:
        self._client = client
        self._heard = heard
        self._asked: set[asyncio.Task[Outcome]] = set()

    async def hold(self, request: BookingRequest, *, summary: str) -> Outcome | None:
        """None where this process does not get to know: the run was there, or is elsewhere."""
        with self._heard.awaited(HOLD_SLOT, request.appointment_id) as heard:
            run = await self._client.start_workflow(
                BookAppointment.run,
                request,
                id=booking_workflow_id(request.appointment_id),
                task_queue=BOOKINGS,
                task_timeout=TASK_TIMEOUT,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                request_eager_start=True,
                **labels_of_booking(request, summary=summary),
            )
            if not _was_given_to_us(run):
                return None
            async with asyncio.timeout(HEARD_WITHIN_SECONDS):
                return await heard

    async def confirm(self, appointment_id: UUID) -> Outcome | None:
        """The answer comes with the row, if it is written here, and else from the run."""
        with self._heard.awaited(CONFIRM_APPOINTMENT, appointment_id) as heard:
            asked = asyncio.create_task(self._confirm(appointment_id))
            self._asked.add(asked)
            asked.add_done_callback(self._has_ended)
            await asyncio.wait((heard, asked), return_when=asyncio.FIRST_COMPLETED)
            return asked.result() if asked.done() else heard.result()

    async def _confirm(self, appointment_id: UUID) -> Outcome:
        run = self._client.get_workflow_handle(booking_workflow_id(appointment_id))
        outcome: Outcome = await run.execute_update(CONFIRM, id=CONFIRM, result_type=Outcome)
        return outcome

    def _has_ended(self, asked: asyncio.Task[Outcome]) -> None:
        """A call whose caller has been answered goes on for the run's sake; its end is nobody's."""
        self._asked.discard(asked)
        if not asked.cancelled():
            asked.exception()


class _Line:
    """One connection of an API process; what it asks is answered in any order."""

    def __init__(self, bookings: Bookings, writer: asyncio.StreamWriter) -> None:
        self._bookings = bookings
        self._writer = writer

    async def listen(self, reader: asyncio.StreamReader) -> None:
        """Until the API hangs up, or says what means nothing."""
        try:
            async with asyncio.TaskGroup() as answers:
                while line := await reader.readline():
                    answers.create_task(self._answer(ASK.validate_json(line)))
        except* (OSError, ValueError) as broken:
            log.warning("direct_line_broke", error=type(broken.exceptions[0]).__name__)
        finally:
            self._writer.close()

    async def _answer(self, ask: Ask) -> None:
        told = Told(number=ask.number, outcome=await self._outcome(ask))
        if not self._writer.is_closing():
            self._writer.write(TOLD.dump_json(told) + b"\n")

    async def _outcome(self, ask: Ask) -> Outcome | None:
        try:
            if ask.hold is not None:
                return await self._bookings.hold(ask.hold, summary=ask.summary)
            if ask.confirm is not None:
                return await self._bookings.confirm(ask.confirm)
        except NOT_HERE:
            pass
        return None


@asynccontextmanager
async def direct_line(host: str, port: int, bookings: Bookings) -> AsyncIterator[None]:
    """Answer on `port` while the block runs; port 0 means no line, as does a port that is taken."""
    if port == 0:
        yield
        return
    open_lines: set[asyncio.Task[None]] = set()

    def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """No coroutine: asyncio would call one that is cancelled a bug, and keep it from us."""
        line = asyncio.create_task(_Line(bookings, writer).listen(reader))
        open_lines.add(line)
        line.add_done_callback(open_lines.discard)

    server = None
    with suppress(OSError):
        server = await asyncio.start_server(answer, host, port, limit=LONGEST_LINE)
    if server is None:
        log.error("direct_line_is_not_open", host=host, port=port, then="bookings go by Temporal")
        yield
        return
    try:
        yield
    finally:
        server.close()
        for line in open_lines:
            line.cancel()
        await asyncio.gather(*open_lines, return_exceptions=True)
        await server.wait_closed()


def _was_given_to_us(run: WorkflowHandle[Any, Any]) -> bool:
    """Whether the first task came with the answer; the SDK says so to its own tests only."""
    return bool(getattr(run, "__temporal_eagerly_started", False))
