"""What a run tells about an appointment without a row; no worker is needed, no Action spent."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowHandle,
)

from api.booking.temporal_errors import NoRun
from domain.booking import Appointment, Refusal, Result, Status, Terms
from domain.errors import REFUSALS, HoldExpired, Refused, refused
from domain.events import booking_workflow_id
from workflows.book_appointment import BookAppointment
from workflows.names import (
    APPOINTMENT_START,
    ATTEMPT_ID,
    CLINIC_ID,
    DOCTOR_ID,
    PATIENT_ID,
    SERVICE_ID,
    TERMS,
)

A_STEP_LASTS = timedelta(seconds=15)
"""One try of an activity, and its statement's own time in the database."""

Run = WorkflowHandle[BookAppointment, Result]


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """The appointment as it was asked for, by which HTTP call, and how the run ended.

    A run that was ended by force a moment ago may leave a step behind that still writes the row:
    it has no result yet. One that was begun by an older build does not say its `terms`.
    """

    appointment: Appointment
    attempt_id: UUID | None
    is_running: bool
    result: Result | None
    terms: Terms | None = None

    @property
    def had_a_row(self) -> bool:
        """A run that ended without a refusal wrote a row. Where there is none now, it is lost.

        The row decides: what such a run says of the appointment is not so, whatever is.
        """
        return self.result is not None and self.result.status is not Status.REFUSED

    @property
    def refusal(self) -> Refused:
        """Why nothing was held; a run that was ended by force never held, and never will."""
        told = self.result and self.result.refusal
        code = self.result.code if self.result is not None else None
        if told and told.code in REFUSALS:
            return refused(told)
        return refused(Refusal(code=code if code in REFUSALS else HoldExpired.code))


async def summary_of(client: Client, appointment_id: UUID) -> RunSummary:
    """Raises `NoRun` where there is none under this id that Temporal still knows."""
    handle = client.get_workflow_handle_for(
        BookAppointment.run, booking_workflow_id(appointment_id)
    )
    run = await handle.describe()
    if run.workflow_type != "BookAppointment" or not run.typed_search_attributes.get(PATIENT_ID):
        raise NoRun  # nobody of ours began it
    is_running = run.status is WorkflowExecutionStatus.RUNNING
    result = None if is_running or _has_a_step_in_hand(run) else await _result(handle, run)
    service_id = await run.memo_value(SERVICE_ID, None, type_hint=str)
    attempt_id = await run.memo_value(ATTEMPT_ID, None, type_hint=str)
    return RunSummary(
        appointment=replace(
            _appointment(appointment_id, run, result),
            service_id=UUID(service_id) if service_id else None,
        ),
        attempt_id=UUID(attempt_id) if attempt_id else None,
        is_running=is_running,
        result=result,
        terms=await run.memo_value(TERMS, None, type_hint=Terms),
    )


async def _result(handle: Run, run: WorkflowExecutionDescription) -> Result:
    """A run that was ended by force, or failed, before it wrote a row holds nothing."""
    if run.status is not WorkflowExecutionStatus.COMPLETED:
        return Result(status=Status.REFUSED, code="unavailable")
    return await handle.result()


def _appointment(
    appointment_id: UUID, run: WorkflowExecutionDescription, result: Result | None
) -> Appointment:
    """Without a row it is on its way, or was refused."""
    about = run.typed_search_attributes
    return Appointment(
        appointment_id=appointment_id,
        status=Status.PENDING if result is None else result.status,
        patient_id=UUID(about[PATIENT_ID]),
        doctor_id=UUID(about[DOCTOR_ID]),
        clinic_id=UUID(about[CLINIC_ID]),
        starts_at=about[APPOINTMENT_START],
    )


def _has_a_step_in_hand(run: WorkflowExecutionDescription) -> bool:
    """Whether it was ended by force so lately that its last step may not be over."""
    if run.status is WorkflowExecutionStatus.COMPLETED or run.close_time is None:
        return False
    return datetime.now(UTC) < run.close_time + A_STEP_LASTS
