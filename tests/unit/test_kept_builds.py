"""The current build, told again to a Temporal that has forgotten it."""

import asyncio
from types import SimpleNamespace
from typing import cast

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.deployment.v1 import WorkerDeploymentVersionInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentResponse,
    DescribeWorkerDeploymentVersionRequest,
    DescribeWorkerDeploymentVersionResponse,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion

from worker.deployment import keep_current

THIS = WorkerDeploymentVersion(deployment_name="priyom", build_id="1")


class ForgetfulTemporal:
    """As much of Temporal as knows of builds, until it `forgets`."""

    def __init__(self) -> None:
        self.current: list[str] = []
        self.was_told = asyncio.Event()

    def forgets(self) -> None:
        self.current.clear()
        self.was_told.clear()

    async def describe_worker_deployment_version(
        self, _: DescribeWorkerDeploymentVersionRequest
    ) -> DescribeWorkerDeploymentVersionResponse:
        changed = Timestamp(seconds=1) if self.current else None
        info = WorkerDeploymentVersionInfo(routing_changed_time=changed)
        return DescribeWorkerDeploymentVersionResponse(worker_deployment_version_info=info)

    async def describe_worker_deployment(
        self, _: DescribeWorkerDeploymentRequest
    ) -> DescribeWorkerDeploymentResponse:
        return DescribeWorkerDeploymentResponse()

    async def set_worker_deployment_current_version(
        self, request: SetWorkerDeploymentCurrentVersionRequest
    ) -> None:
        self.current.append(request.build_id)
        self.was_told.set()


async def test_a_temporal_that_begins_anew_is_told_the_current_build_again() -> None:
    """Without one no worker gets a task, and nothing can be booked."""
    temporal = ForgetfulTemporal()
    client = SimpleNamespace(workflow_service=temporal, namespace="default", identity="a test")
    temporal.current.append("1")
    keeping = asyncio.create_task(keep_current(cast("Client", client), THIS, every=0.01))
    await asyncio.sleep(0)

    temporal.forgets()

    async with asyncio.timeout(10):
        await temporal.was_told.wait()
    keeping.cancel()
    assert temporal.current == ["1"]
