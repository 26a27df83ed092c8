"""Worker versions: which build a worker is of, and how a new build becomes the current one.

A pinned run (a booking, a cancellation) ends on the build that began it. Every other run goes on
with the current build. An older build keeps its workers until its runs have ended.
"""

import asyncio

import structlog
from temporalio.api.deployment.v1 import WorkerDeploymentVersion as VersionMessage
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentResponse,
    DescribeWorkerDeploymentVersionRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError
from temporalio.worker import WorkerDeploymentConfig

from adapters.process.settings import Deployment

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0

LOOKED_AT_EVERY_SECONDS = 15.0
"""How soon a Temporal that has forgotten the builds is told of one."""

log = structlog.get_logger(__name__)


def build_of(settings: Deployment) -> WorkerDeploymentVersion:
    return WorkerDeploymentVersion(
        deployment_name=settings.deployment_name, build_id=settings.worker_build_id
    )


def pinned(version: WorkerDeploymentVersion) -> WorkerDeploymentConfig:
    """For workers of runs of minutes: each ends on the build that began it."""
    return _versioned(version, VersioningBehavior.PINNED)


def upgraded(version: WorkerDeploymentVersion) -> WorkerDeploymentConfig:
    """For all other workers: their runs go on with the current build."""
    return _versioned(version, VersioningBehavior.AUTO_UPGRADE)


def _versioned(
    version: WorkerDeploymentVersion, behavior: VersioningBehavior
) -> WorkerDeploymentConfig:
    return WorkerDeploymentConfig(
        version=version, use_worker_versioning=True, default_versioning_behavior=behavior
    )


async def keep_current(
    client: Client, version: WorkerDeploymentVersion, *, every: float = LOOKED_AT_EVERY_SECONDS
) -> None:
    """Make this build the current one; again where Temporal was restored and knows it no more.

    Run it as a task beside the build's workers.
    """
    while True:
        await ensure_current(client, version)
        await asyncio.sleep(every)


async def ensure_current(client: Client, version: WorkerDeploymentVersion) -> None:
    """Make this build the current one, once.

    Without a current build no worker gets a task. A build that has been current before is left as
    it is, so that an old process that starts again takes nothing back from a newer build, and a
    rollback by operations lasts. The server refuses while a queue of the current build has no
    worker of this one: it is asked again until the last process of this build is there.
    """
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            if not await _was_current(client, version):
                await _make_current(client, version)
                log.info("build_made_current", build=version.to_canonical_string())
        except RPCError as error:
            log.info("build_not_current_yet", error=error.status.name, again_in_seconds=pause)
        else:
            return
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def has_current(client: Client, version: WorkerDeploymentVersion) -> bool:
    """Whether any build of the deployment is current: until then no worker gets a task."""
    try:
        seen = await _described(client, version)
    except RPCError:
        return False
    return bool(seen.worker_deployment_info.routing_config.current_deployment_version.build_id)


async def _described(
    client: Client, version: WorkerDeploymentVersion
) -> DescribeWorkerDeploymentResponse:
    return await client.workflow_service.describe_worker_deployment(
        DescribeWorkerDeploymentRequest(
            namespace=client.namespace, deployment_name=version.deployment_name
        )
    )


async def _was_current(client: Client, version: WorkerDeploymentVersion) -> bool:
    """NOT_FOUND until the server has seen the build's first worker."""
    described = await client.workflow_service.describe_worker_deployment_version(
        DescribeWorkerDeploymentVersionRequest(
            namespace=client.namespace,
            deployment_version=VersionMessage(
                deployment_name=version.deployment_name, build_id=version.build_id
            ),
        )
    )
    info = described.worker_deployment_version_info
    return info.HasField("routing_changed_time")  # of a build that was current, or ramped up


async def _make_current(client: Client, version: WorkerDeploymentVersion) -> None:
    """Fenced by the deployment as it was seen: of two at once, one is refused and looks again."""
    seen = await _described(client, version)
    await client.workflow_service.set_worker_deployment_current_version(
        SetWorkerDeploymentCurrentVersionRequest(
            namespace=client.namespace,
            deployment_name=version.deployment_name,
            build_id=version.build_id,
            conflict_token=seen.conflict_token,
            identity=client.identity,
        )
    )
