"""Pinned worker versions: the other way of docs/changing-a-workflow.md, on a server of its own."""

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker, WorkerDeploymentConfig

from adapters.temporal.client import TemporalConnection, priyom_plugin
from api.booking.runs import Runs
from stack.supplies.temporal_cli import temporal_cli
from tests.builders import a_request
from tests.fakes.clinic import FakeClinic
from tests.workflows.changed_booking import ChangedAtOnce
from tests.workflows.conftest import SEARCH_ATTRIBUTES
from worker.sandbox import workflow_runner
from workflows import names
from workflows.book_appointment import BookAppointment

DEPLOYMENT = "priyom-worker"


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(temporal_cli()),
        search_attributes=SEARCH_ATTRIBUTES,
        plugins=[priyom_plugin()],
    )
    yield environment.client
    await environment.shutdown()
    gc.collect()


def worker(
    client: Client, clinic: FakeClinic, build: str, process: type[BookAppointment]
) -> Worker:
    return Worker(
        client,
        task_queue=names.BOOKINGS,
        workflows=[process],
        activities=clinic.activities,
        workflow_runner=workflow_runner(),
        max_cached_workflows=0,
        deployment_config=WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(deployment_name=DEPLOYMENT, build_id=build),
            use_worker_versioning=True,
            default_versioning_behavior=VersioningBehavior.PINNED,
        ),
    )


async def make_current(client: Client, build: str) -> None:
    """As an operator does after a deploy; the version is known once its worker has polled."""
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace="default", deployment_name=DEPLOYMENT, build_id=build, identity="tests"
    )
    async with asyncio.timeout(30):
        while True:
            try:
                await client.workflow_service.set_worker_deployment_current_version(request)
            except RPCError:
                await asyncio.sleep(0.1)
            else:
                return


async def test_a_pinned_booking_ends_on_the_code_that_began_it(client: Client) -> None:
    clinic, runs = FakeClinic(), Runs(TemporalConnection(client))
    before, after = a_request(), a_request(starts_at=a_request().starts_at.replace(hour=12))
    announcements = Worker(client, task_queue=names.ANNOUNCEMENTS, activities=clinic.activities)
    async with (
        announcements,
        worker(client, clinic, "1", BookAppointment),
        worker(client, clinic, "2", ChangedAtOnce),
    ):
        await make_current(client, "1")
        await runs.hold(before, summary="a test")
        await make_current(client, "2")
        await runs.hold(after, summary="a test")

        await runs.confirm(before.appointment_id)
        await runs.confirm(after.appointment_id)

        for request, build in ((before, "1"), (after, "2")):
            run = client.get_workflow_handle(names.booking_workflow_id(request.appointment_id))
            await run.result()
            description = await run.describe()
            version = description.raw_description.workflow_execution_info.versioning_info
            assert version.deployment_version.build_id == build
