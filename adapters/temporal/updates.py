"""Updates that are asked again where the server forgot them, and starts that are watched.

The server keeps an update in memory until the workflow task that took it is completed. A task that
crosses a new event (a cancel, another update) is tried again, and its updates are forgotten.
"""

import asyncio
from typing import Any

from temporalio.api.errordetails.v1 import WorkflowNotReadyFailure
from temporalio.client import (
    Interceptor,
    OutboundInterceptor,
    StartWorkflowInput,
    StartWorkflowUpdateInput,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from adapters.temporal.starts import STARTS
from domain.actors import ActorRef
from domain.booking import Outcome

TRIES = 5
PAUSE_SECONDS = 0.02


async def command(
    run: WorkflowHandle[Any, Any],
    update: str,
    *given: object,
    by: ActorRef | None,
    id: str,  # noqa: A002 - the SDK's
) -> Outcome:
    """Ask a booking, and say who does; the run of an older build takes no word of that."""
    named = given if by is None else (*given, by)
    try:
        done: Outcome = await run.execute_update(update, args=named, id=id, result_type=Outcome)
    except WorkflowUpdateFailedError as failure:
        if not isinstance(failure.cause, ApplicationError) or failure.cause.type != "TypeError":
            raise
        done = await run.execute_update(update, args=given, id=id, result_type=Outcome)
    return done


class AskAgain(Interceptor):
    """Ours have stable ids: an update that is asked again is the same one."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - the SDK's
        return _AskAgain(next)


class _AskAgain(OutboundInterceptor):
    async def start_workflow(
        self,
        input: StartWorkflowInput,  # noqa: A002 - the SDK's
    ) -> WorkflowHandle[Any, Any]:
        with STARTS.one():
            return await super().start_workflow(input)

    async def start_workflow_update(
        self,
        input: StartWorkflowUpdateInput,  # noqa: A002 - the SDK's
    ) -> WorkflowUpdateHandle[Any]:
        for _ in range(TRIES - 1):
            try:
                return await self.next.start_workflow_update(input)
            except RPCError as error:
                if not _was_forgotten(error):
                    raise
            await asyncio.sleep(PAUSE_SECONDS)
        return await self.next.start_workflow_update(input)


def _was_forgotten(error: RPCError) -> bool:
    return any(each.Is(WorkflowNotReadyFailure.DESCRIPTOR) for each in error.grpc_status.details)
