"""Two builds beside each other: a deploy with open holds needs no gap."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from adapters.temporal.client import TemporalConnection, priyom_plugin
from api.booking.runs import Runs
from domain.booking import BookingRequest, Result, Status
from domain.events import booking_workflow_id
from stack.supplies.temporal_cli import temporal_cli
from tests.builders import a_request
from tests.fakes.clinics import Clinics
from tests.payload_keys import PAYLOAD_KEYS
from tests.worker_builds import DEPLOYMENT, SOON_DRAINED, build_of, current_build, drained
from tests.workflows.changed_booking import ChangedAtOnce
from tests.workflows.conftest import SEARCH_ATTRIBUTES, another_client
from tests.workflows.patience import Patience
from worker.deployment import ensure_current, has_current, pinned, upgraded
from worker.sandbox import workflow_runner
from workflows import names
from workflows.book_appointment import BookAppointment

OPEN_HOLDS = 200 if os.environ.get("THOROUGH") else 20


@pytest.fixture
async def environment() -> AsyncIterator[WorkflowEnvironment]:
    """A server of its own, which soon says that an old build is drained."""
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(temporal_cli()),
        dev_server_extra_args=[
            argument
            for name, value in SOON_DRAINED.items()
            for argument in ("--dynamic-config-value", f"{name}={value}")
        ],
        search_attributes=SEARCH_ATTRIBUTES,
        plugins=[priyom_plugin(keys=PAYLOAD_KEYS)],
    )
    yield environment
    await environment.shutdown()
    gc.collect()


def the_build(number: str) -> WorkerDeploymentVersion:
    return WorkerDeploymentVersion(deployment_name=DEPLOYMENT, build_id=number)


@asynccontextmanager
async def deployed(
    environment: WorkflowEnvironment, clinics: Clinics, number: str, process: type[BookAppointment]
) -> AsyncIterator[Client]:
    """The workers of one build, on a client of theirs."""
    client = await another_client(environment)
    async with (
        Worker(
            client,
            task_queue=names.BOOKINGS,
            workflows=[process],
            activities=clinics.activities,
            workflow_runner=workflow_runner(),
            interceptors=[Patience()],
            deployment_config=pinned(the_build(number)),
        ),
        Worker(
            client,
            task_queue=names.ANNOUNCEMENTS,
            activities=clinics.activities,
            deployment_config=upgraded(the_build(number)),
        ),
    ):
        yield client


async def test_a_deploy_over_open_holds_ends_each_on_the_build_that_began_it(
    environment: WorkflowEnvironment,
) -> None:
    clinics, client = Clinics(), environment.client
    runs = Runs(TemporalConnection(client))
    before, after = [a_request() for _ in range(OPEN_HOLDS)], a_request()
    orders = {request.appointment_id: clinics.open_for(request) for request in [*before, after]}

    async def booked(request: BookingRequest) -> str:
        await runs.confirm(request.appointment_id)
        run = client.get_workflow_handle(
            booking_workflow_id(request.appointment_id), result_type=Result
        )
        assert await run.result() == Result(status=Status.CONFIRMED)
        return await build_of(run)

    async with deployed(environment, clinics, "1", BookAppointment) as first:
        await ensure_current(first, the_build("1"))
        for some in range(0, OPEN_HOLDS, 20):
            await asyncio.gather(
                *(runs.hold(each, summary="a test") for each in before[some : some + 20])
            )
        async with deployed(environment, clinics, "2", ChangedAtOnce) as second:
            await ensure_current(second, the_build("2"))
            await runs.hold(after, summary="a test")

            builds = [await booked(request) for request in before]
            assert set(builds) == {"1"}
            assert await booked(after) == "2"
            await drained(client, "1")

    day_first, patient_first = (orders[each.appointment_id].calls for each in (before[0], after))
    assert day_first[2:] == ["invalidate_schedule", "publish_event"]
    assert patient_first[2:] == ["publish_event", "invalidate_schedule"]


async def test_a_build_makes_itself_current_once_and_a_rollback_lasts(
    environment: WorkflowEnvironment,
) -> None:
    clinics = Clinics()
    async with (
        deployed(environment, clinics, "1", BookAppointment) as first,
        deployed(environment, clinics, "2", BookAppointment) as second,
    ):
        nowhere = WorkerDeploymentVersion(deployment_name="never deployed", build_id="1")
        assert not await has_current(first, nowhere)
        await ensure_current(first, the_build("1"))
        assert await has_current(first, the_build("2"))
        await ensure_current(second, the_build("2"))
        assert await current_build(first) == "2"

        await ensure_current(first, the_build("1"))
        assert await current_build(first) == "2"

        await first.workflow_service.set_worker_deployment_current_version(
            SetWorkerDeploymentCurrentVersionRequest(
                namespace=first.namespace, deployment_name=DEPLOYMENT, build_id="1"
            )
        )
        await ensure_current(second, the_build("2"))
        assert await current_build(first) == "1"


async def test_the_first_task_of_a_pinned_run_comes_with_the_answer_of_its_start(
    environment: WorkflowEnvironment,
) -> None:
    clinics, request = Clinics(), a_request()
    clinics.open_for(request)
    async with deployed(environment, clinics, "1", BookAppointment) as client:
        await ensure_current(client, the_build("1"))
        run = await client.start_workflow(
            BookAppointment.run,
            request,
            id=booking_workflow_id(request.appointment_id),
            task_queue=names.BOOKINGS,
            request_eager_start=True,
        )
        await run.execute_update(BookAppointment.confirm)

    history = await run.fetch_history()
    started = history.events[0].workflow_execution_started_event_attributes
    assert started.eager_execution_accepted
