"""What Temporal knows of the builds of our workers: which is current, which is drained."""

import asyncio
from typing import Any

from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.enums.v1 import WorkerDeploymentVersionStatus
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentVersionRequest,
)
from temporalio.client import Client, WorkflowHandle

DEPLOYMENT = "priyom"

SOON_DRAINED = {
    "matching.wv.VersionDrainageStatusVisibilityGracePeriod": '"1s"',
    "matching.wv.VersionDrainageStatusRefreshInterval": '"1s"',
}
"""Of a server's dynamic configuration: it looks every three minutes otherwise."""


async def current_build(client: Client) -> str:
    """Empty where none is."""
    described = await client.workflow_service.describe_worker_deployment(
        DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=DEPLOYMENT)
    )
    routing = described.worker_deployment_info.routing_config
    return routing.current_deployment_version.build_id


async def drained(client: Client, build: str, *, within: float = 60) -> None:
    """Wait until no run of that build is open any more; TimeoutError after so many seconds."""
    version = WorkerDeploymentVersion(deployment_name=DEPLOYMENT, build_id=build)
    request = DescribeWorkerDeploymentVersionRequest(
        namespace=client.namespace, deployment_version=version
    )
    wanted = WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED
    async with asyncio.timeout(within):
        while True:
            described = await client.workflow_service.describe_worker_deployment_version(request)
            if described.worker_deployment_version_info.status == wanted:
                return
            await asyncio.sleep(1)  # the server is asked of a deployment a few times a second


async def build_of(run: WorkflowHandle[Any, Any]) -> str:
    """The build that its last task was done by."""
    info = (await run.describe()).raw_description.workflow_execution_info
    return info.versioning_info.deployment_version.build_id
