"""An update that the server forgot with its workflow task is asked again; nothing else is."""

from typing import Any, cast

import pytest
from google.protobuf.any_pb2 import Any as AnyProto
from google.protobuf.message import Message
from temporalio.api.common.v1 import GrpcStatus
from temporalio.api.errordetails.v1 import NotFoundFailure, WorkflowNotReadyFailure
from temporalio.client import OutboundInterceptor, StartWorkflowUpdateInput, WorkflowUpdateHandle
from temporalio.service import RPCError, RPCStatusCode

from adapters.temporal.updates import TRIES, AskAgain

UPDATE = cast("StartWorkflowUpdateInput", object())
OUTCOME = cast("WorkflowUpdateHandle[Any]", object())


class Server(OutboundInterceptor):
    """Answers with these errors, and then with the outcome."""

    def __init__(self, *errors: RPCError) -> None:
        self.errors = list(errors)
        self.asked = 0

    async def start_workflow_update(
        self,
        input: StartWorkflowUpdateInput,  # noqa: A002 - the SDK's
    ) -> WorkflowUpdateHandle[Any]:
        assert input is UPDATE
        self.asked += 1
        if self.errors:
            raise self.errors.pop()
        return OUTCOME


def an_error(detail: Message) -> RPCError:
    packed = AnyProto()
    packed.Pack(detail)
    status = GrpcStatus(details=[packed])
    return RPCError("no", RPCStatusCode.FAILED_PRECONDITION, status.SerializeToString())


async def test_an_update_that_was_forgotten_is_asked_again() -> None:
    server = Server(an_error(WorkflowNotReadyFailure()), an_error(WorkflowNotReadyFailure()))

    assert await AskAgain().intercept_client(server).start_workflow_update(UPDATE) is OUTCOME

    assert server.asked == 3


async def test_it_is_not_asked_for_ever() -> None:
    server = Server(*(an_error(WorkflowNotReadyFailure()) for _ in range(2 * TRIES)))

    with pytest.raises(RPCError):
        await AskAgain().intercept_client(server).start_workflow_update(UPDATE)

    assert server.asked == TRIES


async def test_another_error_is_the_callers() -> None:
    server = Server(an_error(NotFoundFailure()))

    with pytest.raises(RPCError):
        await AskAgain().intercept_client(server).start_workflow_update(UPDATE)

    assert server.asked == 1
