"""What the API asks of Temporal, and what the answers mean; a cancelled wait is no answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.update.v1 import UpdateRef
from temporalio.api.workflowservice.v1 import PollWorkflowExecutionUpdateRequest
from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WithStartWorkflowOperation,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowHistoryEventFilterType,
    WorkflowUpdateFailedError,
)
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.converter import value_to_type
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.booking import BookingRequest, Cancellation, Outcome, Refusal, Result, Status
from domain.documents import timestamp
from domain.errors import REFUSALS, HoldExpired, Refused, refused
from workflows.book_appointment import BookAppointment
from workflows.cancel_appointment import CancelAppointment
from workflows.names import (
    APPOINTMENT_START,
    APPOINTMENT_STATUS,
    BOOKINGS,
    CANCEL,
    CLINIC_ID,
    CONFIRM,
    DOCTOR_ID,
    HOLD,
    PATIENT_ID,
    TASK_TIMEOUT,
    booking_workflow_id,
    cancel_workflow_id,
    extend_update_id,
)

EXTEND = "extend"

A_STEP_LASTS = timedelta(seconds=15)
"""One try of an activity, and its statement's own time in the database."""


class NoAnswer(Exception):
    """Temporal, or the run, did not answer in time: what was asked may still happen."""

    def __init__(self, appointment_id: UUID) -> None:
        super().__init__(str(appointment_id))
        self.appointment_id = appointment_id


class NoRun(Exception):
    """No run listens under this id: there is none, it has closed, or it closed while we asked."""


@dataclass(frozen=True, kw_only=True)
class Story:
    """What a run tells about an appointment without a row: the wish, and the end if it has one.

    A run that was ended by force a moment ago may leave a step behind that still writes the row:
    it has no end yet.
    """

    request: BookingRequest
    result: Result | None

    @property
    def refusal(self) -> Refused:
        """Why nothing was held; a run that was ended by force never held, and never will."""
        code = self.result.code if self.result is not None else None
        return refused(Refusal(code=code if code in REFUSALS else HoldExpired.code))


class Runs:
    """Commands to bookings, one RPC each."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def hold(self, request: BookingRequest, *, summary: str) -> Outcome:
        """Start the run, or find it, and wait for what became of the hold."""
        operation = WithStartWorkflowOperation(
            BookAppointment.run,
            request,
            id=booking_workflow_id(request.appointment_id),
            task_queue=BOOKINGS,
            task_timeout=TASK_TIMEOUT,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            search_attributes=_attributes(request, Status.HELD),
            static_summary=summary,
            static_details=_details(request),
        )
        return await self._start(request.appointment_id, HOLD, HOLD, operation)

    async def cancel(self, cancellation: Cancellation) -> Outcome:
        """Cancel a visit that has a row.

        The update's id names the version: an outcome that was stored for an older version, which
        the run was refused for, must not answer for this one.
        """
        operation = WithStartWorkflowOperation(
            CancelAppointment.run,
            cancellation,
            id=cancel_workflow_id(cancellation.appointment_id),
            task_queue=BOOKINGS,
            task_timeout=TASK_TIMEOUT,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            search_attributes=_attributes(cancellation, Status.CONFIRMED),
            static_summary=f"cancel: doctor {cancellation.doctor_id} "
            f"at {timestamp(cancellation.starts_at)}",
            static_details=_details(cancellation),
        )
        update_id = f"{CANCEL}-{cancellation.version}"
        return await self._start(cancellation.appointment_id, CANCEL, update_id, operation)

    async def stored_hold(self, appointment_id: UUID) -> Outcome:
        """What became of the hold, from the run's history: no worker is needed, no Action spent."""
        update = self._booking(appointment_id).get_update_handle(HOLD, result_type=Outcome)
        async with _understood(appointment_id):
            return _outcome(await update.result())

    async def confirm(self, appointment_id: UUID) -> Outcome:
        async with _understood(appointment_id):
            return _outcome(
                await self._booking(appointment_id).execute_update(
                    CONFIRM, id=CONFIRM, result_type=Outcome
                )
            )

    async def give_up(self, appointment_id: UUID, reason: str) -> Outcome:
        """Cancel a booking that is not confirmed."""
        async with _understood(appointment_id):
            return _outcome(
                await self._booking(appointment_id).execute_update(
                    CANCEL, reason, id=CANCEL, result_type=Outcome
                )
            )

    async def extend(self, appointment_id: UUID, version: int) -> Outcome:
        async with _understood(appointment_id):
            return _outcome(
                await self._booking(appointment_id).execute_update(
                    EXTEND, version, id=extend_update_id(version), result_type=Outcome
                )
            )

    async def has_heard_confirm(self, appointment_id: UUID) -> bool:
        """Whether a confirmation has reached the run; no worker is needed, and no wait."""
        run = WorkflowExecution(workflow_id=booking_workflow_id(appointment_id))
        with suppress(NoRun):
            async with _understood(appointment_id):
                await self._client.workflow_service.poll_workflow_execution_update(
                    PollWorkflowExecutionUpdateRequest(
                        namespace=self._client.namespace,
                        update_ref=UpdateRef(workflow_execution=run, update_id=CONFIRM),
                    )
                )
                return True
        return False

    async def story(self, appointment_id: UUID) -> Story:
        """The wish and the end of a run, from its history; no worker is needed."""
        handle = self._booking(appointment_id)
        async with _understood(appointment_id):
            run = await handle.describe()
            if run.workflow_type != "BookAppointment":
                raise NoRun
            first = await anext(
                aiter(
                    handle.fetch_history_events(
                        page_size=1, event_filter_type=WorkflowHistoryEventFilterType.ALL_EVENT
                    )
                )
            )
            request = await self._client.data_converter.decode(
                first.workflow_execution_started_event_attributes.input.payloads, [BookingRequest]
            )
            result = None
            if not (run.status is WorkflowExecutionStatus.RUNNING or _has_a_step_in_hand(run)):
                result = await self._end_of(appointment_id)
            return Story(request=request[0], result=result)

    def _booking(self, appointment_id: UUID) -> WorkflowHandle[Any, Any]:
        return self._client.get_workflow_handle(booking_workflow_id(appointment_id))

    async def _start(
        self,
        appointment_id: UUID,
        update: str,
        update_id: str,
        operation: WithStartWorkflowOperation[Any, Result],
    ) -> Outcome:
        async with _understood(appointment_id):
            try:
                return _outcome(
                    await self._client.execute_update_with_start_workflow(
                        update,
                        id=update_id,
                        start_workflow_operation=operation,
                        result_type=Outcome,
                    )
                )
            except (RPCTimeoutOrCancelledError, RPCError, WorkflowAlreadyStartedError):
                await _look_at_the_fault(operation)
                raise

    async def _end_of(self, appointment_id: UUID) -> Result:
        """A run that was ended by force, or failed, before it wrote a row holds nothing."""
        handle = self._client.get_workflow_handle_for(
            BookAppointment.run, booking_workflow_id(appointment_id)
        )
        try:
            return await handle.result()
        except WorkflowFailureError:
            return Result(status=Status.REFUSED, code="unavailable")


def _has_a_step_in_hand(run: WorkflowExecutionDescription) -> bool:
    """Whether it was ended by force so lately that its last step may not be over."""
    if run.status is WorkflowExecutionStatus.COMPLETED or run.close_time is None:
        return False
    return datetime.now(UTC) < run.close_time + A_STEP_LASTS


async def _look_at_the_fault(operation: WithStartWorkflowOperation[Any, Result]) -> None:
    """The operation keeps its fault for a second reader; asyncio complains if there is none."""
    with suppress(asyncio.CancelledError, RPCError, WorkflowAlreadyStartedError):
        await operation.workflow_handle()


def _outcome(answer: object) -> Outcome:
    assert isinstance(answer, Outcome)  # noqa: S101 - the result type that was asked for
    return answer


@asynccontextmanager
async def _understood(appointment_id: UUID) -> AsyncIterator[None]:
    """Say in our words what the SDK's exceptions mean.

    The SDK turns a cancelled wait into an RPCTimeoutOrCancelledError, so a deadline around the
    call arrives here as NoAnswer, which knows the appointment.
    """
    try:
        yield
    except WorkflowUpdateFailedError as failure:
        _raise_meaning(failure)
    except WorkflowAlreadyStartedError:
        raise NoRun from None
    except RPCTimeoutOrCancelledError:
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


def _attributes(about: BookingRequest | Cancellation, status: Status) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [
            SearchAttributePair(DOCTOR_ID, str(about.doctor_id)),
            SearchAttributePair(PATIENT_ID, str(about.patient_id)),
            SearchAttributePair(CLINIC_ID, str(about.clinic_id)),
            SearchAttributePair(APPOINTMENT_START, about.starts_at),
            SearchAttributePair(APPOINTMENT_STATUS, status.value),
        ]
    )


def _details(about: BookingRequest | Cancellation) -> str:
    return (
        f"- appointment `{about.appointment_id}`\n"
        f"- doctor `{about.doctor_id}`, clinic `{about.clinic_id}`\n"
        f"- patient `{about.patient_id}`\n"
        f"- visit {timestamp(about.starts_at)}\n"
        f"- asked for by {about.actor.role}\n\n"
        f"Now: `GET /api/v1/appointments/{about.appointment_id}`"
    )
