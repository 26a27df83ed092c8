"""Process 3, the notifier: Kafka → delivery workflows → patient and doctor."""

from contextlib import AsyncExitStack
from datetime import timedelta

from structlog import get_logger
from temporalio.client import Client
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker, WorkerDeploymentConfig

from activities.forgetting import Forgetting
from activities.messages import Messages
from activities.reminders import Reminders
from adapters.kafka.events import Writer
from adapters.messages.mail import SmtpMail
from adapters.messages.sms import SmsGateway
from adapters.postgres.borne_out import Rows
from adapters.postgres.notifications import Notifications
from adapters.process.exit import exit_process
from adapters.process.setting_values import quiet_hours_of
from adapters.process.settings import secret_of
from adapters.temporal.client import connect_patiently
from domain.visit_links import link_key
from notifier.dead_letters import DeadLetters
from notifier.deliveries import Deliveries
from notifier.forget_schedule import keep_forgetting
from notifier.intake import Intake
from notifier.lost_deliveries import keep_deliveries
from notifier.reminder_schedule import keep_reminders
from worker.deployment import upgraded
from worker.process import Process, beside, run_process
from worker.sandbox import workflow_runner
from workflows.deliver_instead import DeliverInstead
from workflows.deliver_notifications import DeliverNotifications
from workflows.find_due_reminders import FindDueReminders
from workflows.forget_messages import ForgetMessages
from workflows.names import DELIVERIES
from workflows.remind_patient import RemindPatient

SIDE_BY_SIDE = 20
"""Messages under way at once; a provider that hangs must not stop the others."""

log = get_logger("notifier")


async def work(process: Process) -> None:
    process.client = client = await connect_patiently(process.plugin)
    writer = Writer(process.servers.kafka)
    mail = SmtpMail(process.servers.smtp_url, sender=process.settings.mail_from)
    sms = SmsGateway(process.servers.sms_gateway_url)
    quiet_hours = quiet_hours_of(process.settings.quiet_hours)
    messages = Messages(
        notifications=Notifications(process.database),
        mail=mail,
        sms=sms,
        account_url=process.settings.public_url,
        link_key=link_key(secret_of(process.settings)),
        quiet_hours=quiet_hours,
        takes_replies=process.settings.sms_answers == "on",
    )
    deliveries = Deliveries(client)
    reminders = Reminders(process.database, deliveries.remind, quiet_hours)
    intake = Intake(
        process.servers.kafka,
        deliveries=deliveries,
        proof=Rows(process.database),
        dead_letters=DeadLetters(writer),
    )
    remind_every = timedelta(seconds=process.settings.remind_seconds)
    async with AsyncExitStack() as closing:
        closing.push_async_callback(writer.stop)
        closing.push_async_callback(mail.close)
        closing.push_async_callback(sms.close)
        await closing.enter_async_context(
            beside(
                keep_forgetting(client, days=process.settings.message_retention_days),
                keep_reminders(client, every=remind_every),
                keep_deliveries(client, process.database),
            )
        )
        await closing.enter_async_context(
            deliveries_worker(
                client,
                messages,
                Forgetting(process.database),
                reminders,
                upgraded(process.build),
            )
        )
        log.info("notifier_started")
        await intake.run()


def deliveries_worker(
    client: Client,
    messages: Messages,
    forgetting: Forgetting,
    reminders: Reminders,
    build: WorkerDeploymentConfig | None = None,
) -> Worker:
    """Few tasks at a time: a delivery that waits costs nobody anything, a booking does.

    The tests run this workflow in the sandbox. The process does not: measured, the sandbox is a
    third of what a delivery costs in processor time.
    """
    return Worker(
        client,
        task_queue=DELIVERIES,
        deployment_config=build,
        workflows=[
            DeliverNotifications,
            DeliverInstead,
            FindDueReminders,
            ForgetMessages,
            RemindPatient,
        ],
        activities=[
            messages.tell_everybody,
            messages.notify_doctor,
            messages.send_sms,
            messages.send_email,
            messages.send_sms_instead,
            messages.send_email_instead,
            forgetting.forget_old_messages,
            reminders.start_due_reminders,
        ],
        workflow_runner=workflow_runner(),
        debug_mode=True,
        max_cached_workflows=1000,
        max_concurrent_workflow_tasks=SIDE_BY_SIDE,
        max_concurrent_local_activities=SIDE_BY_SIDE,
        max_concurrent_activities=100,
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=2),
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=2),
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
        graceful_shutdown_timeout=timedelta(seconds=5),
    )


def main() -> int:
    return run_process("notifier", work, pool_size=4, signs=True)


if __name__ == "__main__":
    exit_process(main())
