"""The workers of the process: bookings, the announcements that follow them, and the audit."""

from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker

from activities.announcements import Announcements
from activities.appointments import Appointments
from activities.audit import Audit
from activities.slots import Slots
from workflows.audit_bookings import AuditBookings
from workflows.book_appointment import BookAppointment
from workflows.cancel_appointment import CancelAppointment
from workflows.names import ANNOUNCEMENTS, AUDITS, BOOKINGS
from workflows.sandbox import workflow_runner

OPEN_BOOKINGS = 5000
"""Cached runs: a confirm whose run was evicted pays for a whole replay."""

FORGET_A_DEAD_WORKER_AFTER = timedelta(seconds=1)
"""The next confirm after a worker's death waits this long for it, no more."""


def bookings_worker(client: Client, *, slots: Slots, appointments: Appointments) -> Worker:
    """Few tasks at a time: each keeps a patient waiting, and one Python runs them all."""
    return Worker(
        client,
        task_queue=BOOKINGS,
        workflows=[BookAppointment, CancelAppointment],
        activities=[
            slots.hold_slot,
            slots.extend_hold,
            slots.release_slot,
            appointments.confirm_appointment,
            appointments.cancel_appointment,
        ],
        workflow_runner=workflow_runner(),
        max_cached_workflows=OPEN_BOOKINGS,
        max_concurrent_workflow_tasks=20,
        max_concurrent_local_activities=20,
        max_concurrent_activities=20,
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=10),
        nonsticky_to_sticky_poll_ratio=0.5,
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=2),
        sticky_queue_schedule_to_start_timeout=FORGET_A_DEAD_WORKER_AFTER,
        graceful_shutdown_timeout=timedelta(seconds=5),
    )


def announcements_worker(client: Client, *, announcements: Announcements) -> Worker:
    """Apart from the bookings, so that a dead Kafka fills this worker and not that one."""
    return Worker(
        client,
        task_queue=ANNOUNCEMENTS,
        activities=[announcements.publish_event, announcements.invalidate_schedule],
        max_concurrent_activities=100,
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=2),
        graceful_shutdown_timeout=timedelta(seconds=5),
    )


def audits_worker(client: Client, *, audit: Audit) -> Worker:
    """Apart from both, so that the audit looks after them whatever they are stuck in."""
    return Worker(
        client,
        task_queue=AUDITS,
        workflows=[AuditBookings],
        activities=[
            audit.find_overlaps,
            audit.expire_lapsed_holds,
            audit.release_orphaned_holds,
            audit.announce_missing_events,
            audit.refresh_days,
        ],
        workflow_runner=workflow_runner(),
        max_cached_workflows=2,
        max_concurrent_workflow_tasks=2,
        max_concurrent_activities=2,
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=2),
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=1),
        sticky_queue_schedule_to_start_timeout=FORGET_A_DEAD_WORKER_AFTER,
        graceful_shutdown_timeout=timedelta(seconds=5),
    )
