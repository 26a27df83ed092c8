"""Workers of the process beside that of the bookings: their announcements, the audit, the plans."""

from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker, WorkerDeploymentConfig

from activities.announcements import Announcements
from activities.audit import Audit
from activities.campaigns import Campaigns
from activities.imports import Imports
from activities.shifts import Shifts
from worker.bookings_worker import FORGET_A_DEAD_WORKER_AFTER
from worker.sandbox import workflow_runner
from workflows.audit_bookings import AuditBookings
from workflows.change_schedule import ChangeSchedule
from workflows.import_schedule import ImportSchedule
from workflows.names import ANNOUNCEMENTS, AUDITS, CAMPAIGNS, PLANS
from workflows.publish_shifts import PublishShifts
from workflows.reoffer_visit import ReofferVisit


def announcements_worker(
    client: Client,
    *,
    announcements: Announcements,
    deployment: WorkerDeploymentConfig | None = None,
) -> Worker:
    """Apart from the bookings, so that a dead Kafka fills this worker and not that one."""
    return Worker(
        client,
        task_queue=ANNOUNCEMENTS,
        deployment_config=deployment,
        activities=[announcements.publish_event, announcements.invalidate_schedule],
        max_concurrent_activities=100,
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=2),
        graceful_shutdown_timeout=timedelta(seconds=5),
    )


def audits_worker(
    client: Client, *, audit: Audit, deployment: WorkerDeploymentConfig | None = None
) -> Worker:
    """Apart from both, so that the audit looks after them whatever they are stuck in."""
    return Worker(
        client,
        task_queue=AUDITS,
        deployment_config=deployment,
        workflows=[AuditBookings],
        activities=[
            audit.check_trail,
            audit.mark_absent,
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


def campaigns_worker(
    client: Client,
    *,
    campaigns: Campaigns,
    announcements: Announcements,
    deployment: WorkerDeploymentConfig | None = None,
) -> Worker:
    """Apart from the bookings, which it must not slow down."""
    return Worker(
        client,
        task_queue=CAMPAIGNS,
        deployment_config=deployment,
        workflows=[ChangeSchedule, ReofferVisit],
        activities=[
            campaigns.look_at_campaign,
            campaigns.offer_another_time,
            campaigns.judge_offer,
            announcements.publish_event,
            announcements.invalidate_schedule,
        ],
        workflow_runner=workflow_runner(),
        max_cached_workflows=500,
        max_concurrent_workflow_tasks=4,
        max_concurrent_activities=4,
        max_concurrent_local_activities=4,
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=2),
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=1),
        sticky_queue_schedule_to_start_timeout=FORGET_A_DEAD_WORKER_AFTER,
        graceful_shutdown_timeout=timedelta(seconds=5),
    )


def plans_worker(
    client: Client,
    *,
    shifts: Shifts,
    imports: Imports,
    deployment: WorkerDeploymentConfig | None = None,
) -> Worker:
    """Long work that nobody waits for: a task or two at a time."""
    return Worker(
        client,
        task_queue=PLANS,
        deployment_config=deployment,
        workflows=[PublishShifts, ImportSchedule],
        activities=[shifts.publish_shifts, imports.import_rows],
        workflow_runner=workflow_runner(),
        max_cached_workflows=10,
        max_concurrent_workflow_tasks=2,
        max_concurrent_activities=2,
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=2),
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=1),
        sticky_queue_schedule_to_start_timeout=FORGET_A_DEAD_WORKER_AFTER,
        graceful_shutdown_timeout=timedelta(seconds=5),
    )
