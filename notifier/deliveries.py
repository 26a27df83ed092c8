"""Starting a delivery: its id is of the event, or of the reminder, so it starts once."""

from datetime import timedelta

from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from domain.booking import Status
from domain.documents import timestamp
from domain.events import AppointmentEvent
from domain.news import News
from domain.reminders import Reminder, remind_workflow_id
from workflows.deliver_notifications import FIRST_TRY, TOGETHER, DeliverNotifications
from workflows.names import (
    APPOINTMENT_START,
    APPOINTMENT_STATUS,
    CLINIC_ID,
    DELIVERIES,
    DOCTOR_ID,
    PATIENT_ID,
)
from workflows.remind_patient import RemindPatient

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
                search_attributes=_search_attributes(event, event.status),
                static_summary=_summary(event),
                static_details=_details(event),
                request_eager_start=True,
                rpc_timeout=timedelta(seconds=START_SECONDS),
            )
        except WorkflowAlreadyStartedError:
            return

    async def remind(self, reminder: Reminder) -> None:
        """Does nothing for a reminder that was started before, also when that run has ended."""
        try:
            await self._client.start_workflow(
                RemindPatient.run,
                reminder,
                id=remind_workflow_id(reminder),
                task_queue=DELIVERIES,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                task_timeout=ONE_WORKFLOW_TASK,
                search_attributes=_search_attributes(reminder, Status.CONFIRMED),
                static_summary=f"reminder {reminder.step}: doctor {reminder.doctor_id}, "
                f"{timestamp(reminder.starts_at)}",
                request_eager_start=True,
                rpc_timeout=timedelta(seconds=START_SECONDS),
            )
        except WorkflowAlreadyStartedError:
            return


def _search_attributes(news: News, status: Status) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [
            SearchAttributePair(DOCTOR_ID, str(news.doctor_id)),
            SearchAttributePair(PATIENT_ID, str(news.patient_id)),
            SearchAttributePair(CLINIC_ID, str(news.clinic_id)),
            SearchAttributePair(APPOINTMENT_START, news.starts_at),
            SearchAttributePair(APPOINTMENT_STATUS, status.value),
        ]
    )


def _summary(event: AppointmentEvent) -> str:
    return f"{event.status}: doctor {event.doctor_id}, {timestamp(event.starts_at)}"


def _details(event: AppointmentEvent) -> str:
    """Which booking it is about; an audit may have sent the event in that run's place."""
    run = event.kind.announced_by(event.appointment_id, event.sequence)
    return f"- appointment `{event.appointment_id}`, version {event.sequence}\n- run `{run}`"
