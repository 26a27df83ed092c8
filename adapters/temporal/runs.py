"""Runs as they stand in Temporal: their ids, whether they are alive, and a reminder for one."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Final, TypeVar
from uuid import UUID

from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
    WorkflowUpdateStage,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.booking import Result, Status
from domain.events import booking_workflow_id

About = TypeVar("About")

CONFIRM: Final = "confirm"
"""The name of the update, and its id: a word said twice is one update with one outcome."""

IDS_A_QUERY = 100
ONE_CALL = timedelta(seconds=5)
REMINDER_SECONDS = 2.0
VISITS_LISTED = 5000


class Standing(StrEnum):
    """How the latest run of one id stands."""

    COMPLETED = "completed"
    AT_WORK = "at_work"  # an activity is under way
    WAITING = "waiting"  # for somebody's word, or for a worker
    GONE = "gone"  # failed, terminated, timed out, cancelled, or not known here


async def all_statuses(
    client: Client, workflow_ids: Collection[str]
) -> dict[str, set[WorkflowExecutionStatus]]:
    """The statuses of all runs of each id by the list, a query a hundred ids.

    The list may be a moment behind: what it says of a closed run is so, the rest is a hint.
    """
    found: dict[str, set[WorkflowExecutionStatus]] = defaultdict(set)
    for ids in _batches(sorted(workflow_ids)):
        named = ", ".join(f'"{each}"' for each in ids)
        async for run in client.list_workflows(f"WorkflowId IN ({named})", rpc_timeout=ONE_CALL):
            if run.status is not None:
                found[run.id].add(run.status)
    return found


async def lost(client: Client, by_run: Mapping[str, About]) -> list[About]:
    """What of these has no run here, neither open nor ended."""
    known = await all_statuses(client, by_run)
    return [about for run, about in by_run.items() if run not in known]


async def standing_of(client: Client, workflow_id: str) -> Standing:
    """How the latest run stands, by its own state."""
    try:
        run = await client.get_workflow_handle(workflow_id).describe(rpc_timeout=ONE_CALL)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return Standing.GONE
        raise
    if run.status is WorkflowExecutionStatus.COMPLETED:
        return Standing.COMPLETED
    if run.status is not WorkflowExecutionStatus.RUNNING:
        return Standing.GONE
    return Standing.AT_WORK if run.raw_description.pending_activities else Standing.WAITING


async def confirmed_visits_ahead(client: Client, *, after: datetime) -> list[UUID]:
    """Of the visits that begin later: those that their runs have confirmed, the first of many."""
    query = (
        "WorkflowType = 'BookAppointment' AND ExecutionStatus = 'Completed'"
        f" AND AppointmentStatus = 'confirmed' AND AppointmentStart > '{after.isoformat()}'"
    )
    listed = client.list_workflows(query, limit=VISITS_LISTED, rpc_timeout=ONE_CALL)
    ids: list[UUID] = []
    async for run in listed:
        with suppress(ValueError):  # somebody began one by hand, under an id of no appointment
            ids.append(UUID(run.id.removeprefix("appointment-")))
    return ids


async def standing_of_word(client: Client, workflow_id: str, kind: Status) -> Standing:
    """Whether a run that completed has announced this: it announces what it has done."""
    run = client.get_workflow_handle(workflow_id, result_type=Result)
    result: Result = await run.result(rpc_timeout=ONE_CALL)
    has_done_it = result.status is kind and result.code is None
    return Standing.COMPLETED if has_done_it else Standing.GONE


async def remind(client: Client, appointment_id: UUID) -> None:
    """Tell a booking that waits that its patient has agreed; one that has ended needs no word."""
    run = client.get_workflow_handle(booking_workflow_id(appointment_id))
    with suppress(TimeoutError, RPCTimeoutOrCancelledError, WorkflowUpdateFailedError, RPCError):
        async with asyncio.timeout(REMINDER_SECONDS):
            await run.start_update(CONFIRM, id=CONFIRM, wait_for_stage=WorkflowUpdateStage.ACCEPTED)


def _batches(ids: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(ids)
    while batch := list(islice(rest, IDS_A_QUERY)):
        yield batch
