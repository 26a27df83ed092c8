"""One booking told as a story, from its row, its runs, its events and its messages."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from structlog import get_logger
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from adapters.postgres.booking_search import Kept, Told
from adapters.temporal.codec import SealedPayloadError
from domain.booking import Status
from domain.events import booking_workflow_id, cancel_workflow_id

ASKED_SECONDS = 2.0
METADATA = "__temporal_workflow_metadata"
"""The query by which the Temporal UI reads a run's current details.

Each SDK answers it under this name, which the package does not export as a constant.
"""

log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class RunTold:
    """A run as Temporal knows it; `details` is null where no worker answered in time."""

    workflow_id: str
    workflow_type: str
    status: str
    began_at: datetime
    ended_at: datetime | None
    details: str | None


@dataclass(frozen=True, kw_only=True)
class Line:
    """Something that happened; `what` names its sentence in the template."""

    at: datetime
    what: str
    code: str | None = None
    message: Told | None = None


def lines_of(kept: Kept) -> list[Line]:
    """What happened, in the order of time."""
    return sorted((*_of_row(kept), *_of_messages(kept)), key=lambda line: line.at)


def _of_row(kept: Kept) -> Iterator[Line]:
    booking = kept.visit.appointment
    if booking.created_at is not None:
        yield Line(at=booking.created_at, what="held", code=kept.origin)
    if booking.confirmed_at is not None:
        yield Line(at=booking.confirmed_at, what="confirmed")
    if booking.cancelled_at is not None:
        what = "cancelled" if booking.confirmed_at else "given_up"
        yield Line(at=booking.cancelled_at, what=what, code=booking.reason)
    if booking.status is Status.EXPIRED and booking.held_until is not None:
        yield Line(at=booking.held_until, what="lapsed")


def _of_messages(kept: Kept) -> Iterator[Line]:
    for told in kept.messages:
        yield Line(at=told.sent_at or told.created_at, what="message", message=told)
        if told.delivered_at is not None:
            yield Line(at=told.delivered_at, what="delivered", message=told)
        if told.read_at is not None:
            yield Line(at=told.read_at, what="read", message=told)


async def runs_of(client: Client, appointment_id: UUID, kept: Kept | None) -> list[RunTold]:
    """The booking's run, its cancellation's and those of its deliveries, as far as they are known.

    Raises RPCError or TimeoutError where Temporal does not answer.
    """
    events = dict.fromkeys(str(each.event_id) for each in kept.messages) if kept else {}
    ids = [booking_workflow_id(appointment_id), cancel_workflow_id(appointment_id), *events]
    async with asyncio.timeout(2 * ASKED_SECONDS):
        found = await asyncio.gather(*(_run(client, each) for each in ids))
    return [run for run in found if run is not None]


async def _run(client: Client, workflow_id: str) -> RunTold | None:
    handle = client.get_workflow_handle(workflow_id)
    try:
        run = await handle.describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return RunTold(
        workflow_id=workflow_id,
        workflow_type=run.workflow_type,
        status=run.status.name.lower() if run.status else "",
        began_at=run.start_time,
        ended_at=run.close_time,
        details=await _details(client, workflow_id),
    )


async def _details(client: Client, workflow_id: str) -> str | None:
    """A worker tells them; where none does, the run's link still leads to them."""
    handle = client.get_workflow_handle(workflow_id)
    try:
        async with asyncio.timeout(ASKED_SECONDS):
            told: WorkflowMetadata = await handle.query(METADATA, result_type=WorkflowMetadata)
    except (RPCError, TimeoutError, WorkflowQueryFailedError, SealedPayloadError) as error:
        log.warning("run_not_asked", run=workflow_id, error=type(error).__name__)
        return None
    return told.current_details
