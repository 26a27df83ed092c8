"""What a run tells about an appointment without a row, from its history: no worker is needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus

from api.booking.temporal_errors import NoRun, translated
from domain.booking import BookingRequest, Refusal, Result, Status
from domain.errors import REFUSALS, HoldExpired, Refused, refused
from domain.events import booking_workflow_id

A_STEP_LASTS = timedelta(seconds=15)
"""One try of an activity, and its statement's own time in the database."""


@dataclass(frozen=True, kw_only=True)
class RunHistory:
    """The wish, and the end if it has one; `told` is the refusal that a step came back with.

    A run that was ended by force a moment ago may leave a step behind that still writes the row:
    it has no end yet.
    """

    request: BookingRequest
    is_running: bool
    result: Result | None
    told: Refusal | None = None

    @property
    def refusal(self) -> Refused:
        """Why nothing was held; a run that was ended by force never held, and never will."""
        code = self.result.code if self.result is not None else None
        if self.told is not None and self.told.code == code:
            return refused(self.told)
        return refused(Refusal(code=code if code in REFUSALS else HoldExpired.code))


async def run_history_of(client: Client, appointment_id: UUID) -> RunHistory:
    """Raises `NoRun` where there is none under this id that history still has."""
    handle = client.get_workflow_handle(booking_workflow_id(appointment_id))
    async with translated(appointment_id):
        run = await handle.describe()
        if run.workflow_type != "BookAppointment":
            raise NoRun
        history = (await handle.fetch_history()).events
    return await _Reader(client).story(run, history)


class _Reader:
    def __init__(self, client: Client) -> None:
        self._decode = client.data_converter.decode

    async def story(
        self, run: WorkflowExecutionDescription, events: Sequence[HistoryEvent]
    ) -> RunHistory:
        begun = events[0].workflow_execution_started_event_attributes
        request = await self._decode(begun.input.payloads, [BookingRequest])
        is_running = run.status is WorkflowExecutionStatus.RUNNING
        return RunHistory(
            request=request[0],
            is_running=is_running,
            result=None if is_running or _has_a_step_in_hand(run) else await self._result(events),
            told=await self._refusal(events),
        )

    async def _result(self, events: Sequence[HistoryEvent]) -> Result:
        """A run that was ended by force, or failed, before it wrote a row holds nothing."""
        last = events[-1]
        if last.event_type != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
            return Result(status=Status.REFUSED, code="unavailable")
        end = last.workflow_execution_completed_event_attributes
        result: Result = (await self._decode(end.result.payloads, [Result]))[0]
        return result

    async def _refusal(self, events: Sequence[HistoryEvent]) -> Refusal | None:
        """Of the first step that was refused: a local activity's marker, or an activity's end."""
        for event in events:
            failure = _failure_in(event).application_failure_info
            if failure.type in REFUSALS and failure.details.payloads:
                told: Refusal = (await self._decode(failure.details.payloads, [Refusal]))[0]
                return told
        return None


def _failure_in(event: HistoryEvent) -> Failure:
    if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
        return event.marker_recorded_event_attributes.failure
    return event.activity_task_failed_event_attributes.failure


def _has_a_step_in_hand(run: WorkflowExecutionDescription) -> bool:
    """Whether it was ended by force so lately that its last step may not be over."""
    if run.status is WorkflowExecutionStatus.COMPLETED or run.close_time is None:
        return False
    return datetime.now(UTC) < run.close_time + A_STEP_LASTS
