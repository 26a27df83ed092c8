"""The worked example of docs/changing-a-workflow.md: one change, with open bookings around."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from temporalio.client import WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from adapters.temporal.client import TemporalConnection, priyom_plugin
from api.booking.runs import Runs
from domain.events import booking_workflow_id
from tests.builders import a_request
from tests.fakes.clinic import FakeClinic
from tests.payload_keys import PAYLOAD_KEYS
from tests.workflows.changed_booking import (
    ChangedAtOnce,
    Deprecated,
    Patched,
)
from tests.workflows.patience import Patience
from tests.workflows.recordings import recorded
from worker.sandbox import workflow_runner
from workflows import names
from workflows.book_appointment import BookAppointment

Process = type[BookAppointment]


async def replays(process: Process, history: WorkflowHistory) -> bool:
    replayer = Replayer(
        workflows=[process],
        workflow_runner=workflow_runner(),
        plugins=[priyom_plugin(keys=PAYLOAD_KEYS)],
    )
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    return result.replay_failure is None


async def booked_by(process: Process, temporal: WorkflowEnvironment) -> WorkflowHistory:
    """The history of a booking that is confirmed, made by a worker of that stage."""
    clinic, request, runs = FakeClinic(), a_request(), Runs(TemporalConnection(temporal.client))
    async with _working(process, temporal, clinic):
        await runs.hold(request, summary="a test")
        await runs.confirm(request.appointment_id)
        run = temporal.client.get_workflow_handle(booking_workflow_id(request.appointment_id))
        await run.result()
        assert clinic.calls[2:] == ["publish_event", "invalidate_schedule"]
        return await run.fetch_history()


@asynccontextmanager
async def _working(
    process: Process, temporal: WorkflowEnvironment, clinic: FakeClinic
) -> AsyncIterator[None]:
    async with (
        Worker(
            temporal.client,
            task_queue=names.BOOKINGS,
            workflows=[process],
            activities=clinic.activities,
            workflow_runner=workflow_runner(),
            interceptors=[Patience()],
            max_cached_workflows=0,
        ),
        Worker(temporal.client, task_queue=names.ANNOUNCEMENTS, activities=clinic.activities),
    ):
        yield


async def test_a_change_without_a_patch_breaks_the_bookings_that_are_open() -> None:
    assert not await replays(ChangedAtOnce, recorded("confirmed"))
    assert await replays(ChangedAtOnce, recorded("lapsed"))  # it does not go by the changed place


@pytest.mark.parametrize("path", ["confirmed", "lapsed", "announcements-retried", "begun-again"])
async def test_a_patched_change_lets_open_bookings_end_as_they_began(path: str) -> None:
    assert await replays(Patched, recorded(path))


async def test_the_patch_is_deprecated_when_no_booking_of_the_old_way_is_open(
    temporal: WorkflowEnvironment,
) -> None:
    of_stage_1 = await booked_by(Patched, temporal)

    assert await replays(Deprecated, of_stage_1)
    assert not await replays(Deprecated, recorded("confirmed"))


async def test_the_patch_is_gone_when_no_booking_that_carries_its_mark_is_open(
    temporal: WorkflowEnvironment,
) -> None:
    of_stage_1 = await booked_by(Patched, temporal)
    of_stage_2 = await booked_by(Deprecated, temporal)

    assert await replays(ChangedAtOnce, of_stage_2)
    assert not await replays(ChangedAtOnce, of_stage_1)
