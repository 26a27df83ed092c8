"""Starting the delivery of an event: the run's id is the event's id, so it starts once."""

from datetime import timedelta

from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from domain.documents import timestamp
from domain.events import EVENT_KINDS, AppointmentEvent
from workflows.deliver_notifications import FIRST_TRY, TOGETHER, DeliverNotifications
from workflows.names import (
    APPOINTMENT_START,
    APPOINTMENT_STATUS,
    CLINIC_ID,
    DELIVERIES,
    DOCTOR_ID,
    PATIENT_ID,
)

START_SECONDS = 5
ONE_WORKFLOW_TASK = timedelta(seconds=20)
"""Longer than one try of every message; another notifier takes over when it is past."""


class Deliveries:
    """Delivery workflows of this namespace."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start(self, event: AppointmentEvent) -> None:
        """Does nothing for an event that was started before, also when that run has ended."""
        try:
            await self._client.start_workflow(
                DeliverNotifications.run,
                event,
                id=str(event.event_id),
                task_queue=DELIVERIES,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                task_timeout=ONE_WORKFLOW_TASK,
                memo={FIRST_TRY: TOGETHER},
                search_attributes=_search_attributes(event),
                static_summary=_summary(event),
                static_details=_details(event),
                request_eager_start=True,
                rpc_timeout=timedelta(seconds=START_SECONDS),
            )
        except WorkflowAlreadyStartedError:
            return


def _search_attributes(event: AppointmentEvent) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [
            SearchAttributePair(DOCTOR_ID, str(event.doctor_id)),
            SearchAttributePair(PATIENT_ID, str(event.patient_id)),
            SearchAttributePair(CLINIC_ID, str(event.clinic_id)),
            SearchAttributePair(APPOINTMENT_START, event.starts_at),
            SearchAttributePair(APPOINTMENT_STATUS, event.status.value),
        ]
    )


def _summary(event: AppointmentEvent) -> str:
    return f"{event.status}: doctor {event.doctor_id}, {timestamp(event.starts_at)}"


def _details(event: AppointmentEvent) -> str:
    """Which booking it is about; an audit may have sent the event in that run's place."""
    run = EVENT_KINDS[event.type].announced_by(event.appointment_id, event.sequence)
    return f"- appointment `{event.appointment_id}`, version {event.sequence}\n- run `{run}`"
