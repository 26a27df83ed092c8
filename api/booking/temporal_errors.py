"""What Temporal's answers and the SDK's exceptions mean, in our words."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from temporalio.client import (
    RPCTimeoutOrCancelledError,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
)
from temporalio.converter import value_to_type
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.booking import Refusal
from domain.errors import REFUSALS, refused


class NoAnswer(Exception):
    """Temporal, or the run, did not answer in time: what was asked may still happen."""

    def __init__(self, appointment_id: UUID) -> None:
        super().__init__(str(appointment_id))
        self.appointment_id = appointment_id


class NoRun(Exception):
    """No run listens under this id: there is none, it has closed, or it closed while we asked."""


@asynccontextmanager
async def translated(appointment_id: UUID) -> AsyncIterator[None]:
    """Say in our words what the SDK's exceptions mean.

    A deadline around the call arrives here as a cancellation, which the SDK may turn into an
    RPCTimeoutOrCancelledError. Both leave as NoAnswer, which knows the appointment.
    """
    try:
        yield
    except WorkflowUpdateFailedError as failure:
        _raise_meaning(failure)
    except (WorkflowAlreadyStartedError, WorkflowFailureError):
        raise NoRun from None
    except (asyncio.CancelledError, RPCTimeoutOrCancelledError, ConnectionError, TimeoutError):
        raise NoAnswer(appointment_id) from None
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NoRun from None
        raise NoAnswer(appointment_id) from error


def _raise_meaning(failure: WorkflowUpdateFailedError) -> None:
    """A validator's no is a refusal; any other failure means that the run ended while we waited."""
    cause = failure.cause
    if isinstance(cause, ApplicationError) and cause.type in REFUSALS:
        details = list(cause.details)
        refusal = value_to_type(Refusal, details[0]) if details else Refusal(code=cause.type)
        raise refused(refusal) from None
    raise NoRun from failure
