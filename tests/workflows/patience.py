"""Local steps with time enough for a busy machine, so that one that fails was made to.

The product gives an announcement a quarter of a second by the clock, and a step one second; then it
is done again. A pause of the garbage collector may be longer than that.
"""

from datetime import timedelta
from typing import Any

from temporalio.worker import (
    Interceptor,
    StartLocalActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)
from temporalio.workflow import ActivityHandle

ONE_TRY = timedelta(seconds=3)


class _PatientSteps(WorkflowOutboundInterceptor):
    def start_local_activity(
        self,
        input: StartLocalActivityInput,  # noqa: A002 - the SDK's name
    ) -> ActivityHandle[Any]:
        if input.start_to_close_timeout is not None:
            input.start_to_close_timeout = max(input.start_to_close_timeout, ONE_TRY)
        return super().start_local_activity(input)


class _PatientRun(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_PatientSteps(outbound))


class Patience(Interceptor):
    """For a worker whose test counts what was done."""

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002, ARG002 - the SDK's name
    ) -> type[WorkflowInboundInterceptor]:
        return _PatientRun
