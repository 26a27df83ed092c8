"""The worker of bookings: holds, confirmations, and what follows them at once.

It runs in every API process that takes commands, so that a patient is answered by the step itself,
and in the worker process, so that lapses and retries go on with every API dead.
"""

from collections.abc import Sequence
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import (
    Interceptor,
    PollerBehaviorSimpleMaximum,
    Worker,
    WorkerDeploymentConfig,
)

from activities.announcements import Announcements
from activities.appointments import Appointments
from activities.slots import Slots
from worker.sandbox import workflow_runner
from workflows.book_appointment import BookAppointment
from workflows.cancel_appointment import CancelAppointment
from workflows.names import BOOKINGS
from workflows.reschedule_appointment import RescheduleAppointment
from workflows.settle_visit import SettleVisit

OPEN_BOOKINGS = 5000
"""Cached runs: a confirm whose run was evicted pays for a whole replay."""

TASKS_AT_ONCE = 64
"""Slots for workflow tasks. A local activity occupies its task's slot and each poller reserves one:
keep this above the number of concurrent callers, or new holds queue behind running bookings
(docs/performance.md)."""

FORGET_A_DEAD_WORKER_AFTER = timedelta(seconds=1)
"""The next confirm after a worker's death waits this long for it, no more."""


def bookings_worker(  # noqa: PLR0913 - what a process of ours has
    client: Client,
    *,
    slots: Slots,
    appointments: Appointments,
    announcements: Announcements,
    interceptors: Sequence[Interceptor] = (),
    deployment: WorkerDeploymentConfig | None = None,
) -> Worker:
    """Few tasks at a time: each keeps a patient waiting, and one Python runs them all."""
    return Worker(
        client,
        task_queue=BOOKINGS,
        workflows=[BookAppointment, CancelAppointment, RescheduleAppointment, SettleVisit],
        activities=[
            slots.hold_slot,
            slots.extend_hold,
            slots.release_slot,
            appointments.confirm_appointment,
            appointments.cancel_appointment,
            appointments.move_appointment,
            appointments.settle_visit,
            announcements.publish_event,
            announcements.invalidate_schedule,
        ],
        workflow_runner=workflow_runner(),
        # The SDK's switch for running workflow tasks in the loop's own thread: six or seven
        # handovers to a thread a booking cost more than some tasks (docs/decisions/0017). It also
        # ends the deadlock detector, which tests have, and replaces sys.breakpointhook.
        debug_mode=True,
        interceptors=list(interceptors),
        deployment_config=deployment,
        max_cached_workflows=OPEN_BOOKINGS,
        max_concurrent_workflow_tasks=TASKS_AT_ONCE,
        max_concurrent_local_activities=40,
        max_concurrent_activities=20,
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=5),
        nonsticky_to_sticky_poll_ratio=0.5,
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=2),
        sticky_queue_schedule_to_start_timeout=FORGET_A_DEAD_WORKER_AFTER,
        graceful_shutdown_timeout=timedelta(seconds=5),
    )
