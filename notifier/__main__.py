"""Process 3, the notifier: Kafka → delivery workflows → patient and doctor."""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta

import uvloop
from structlog import get_logger
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker, WorkerDeploymentConfig

from activities.forgetting import Forgetting
from activities.messages import Messages
from adapters.kafka.events import Writer
from adapters.messages.addresses import BadAddress, mailbox
from adapters.messages.mail import SmtpMail
from adapters.messages.sms import SmsGateway
from adapters.postgres.database import Database, connect_database
from adapters.postgres.notifications import Notifications
from adapters.process.exit import exit_process
from adapters.process.gc_tuning import collect_garbage_seldom
from adapters.process.health import serve_health
from adapters.process.logs import configure_logs
from adapters.process.probes import both_answer
from adapters.process.settings import (
    BadSettings,
    Connections,
    Product,
    connections,
    deployment,
    product,
    quiet_hours_of,
)
from adapters.process.time_zones import use_pinned_time_zones
from adapters.temporal.client import connect_patiently, priyom_plugin
from notifier.dead_letters import DeadLetters
from notifier.deliveries import Deliveries
from notifier.forget_schedule import ensure_forgetting
from notifier.intake import Intake
from worker.deployment import build_of, upgraded
from worker.sandbox import workflow_runner
from worker.sdk_patches import spare_payload_walks
from workflows.deliver_instead import DeliverInstead
from workflows.deliver_notifications import DeliverNotifications
from workflows.forget_messages import ForgetMessages
from workflows.names import DELIVERIES

SIDE_BY_SIDE = 20
"""Messages under way at once; a provider that hangs must not stop the others."""

log = get_logger("notifier")


@dataclass(kw_only=True)
class Notifier:
    """The process: what it is connected to, and whether it can work."""

    servers: Connections
    settings: Product
    build: WorkerDeploymentVersion
    database: Database
    client: Client | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stopping.set)
        await self.database.open()
        async with serve_health(self.settings.health_port, self.ready):
            work = asyncio.create_task(self._work())
            stop = asyncio.create_task(self.stopping.wait())
            await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
            log.info("notifier_stopping")
            work.cancel()
            stop.cancel()
            ended = await asyncio.gather(work, return_exceptions=True)
        await self.database.close()
        self.client = None
        if isinstance(ended[0], Exception):
            raise ended[0]

    async def ready(self) -> bool:
        """PostgreSQL and Temporal answer; Kafka may come later, nothing is lost without it."""
        if self.client is None:
            return False
        return await both_answer(self.client, self.database)

    async def _work(self) -> None:
        self.client = client = await connect_patiently(priyom_plugin())
        writer = Writer(self.servers.kafka_bootstrap_servers)
        mail = SmtpMail(self.servers.smtp_url, sender=self.settings.mail_from)
        sms = SmsGateway(self.servers.sms_gateway_url)
        messages = Messages(
            notifications=Notifications(self.database),
            mail=mail,
            sms=sms,
            account_url=self.settings.public_url,
            quiet_hours=quiet_hours_of(self.settings.quiet_hours),
        )
        intake = Intake(
            self.servers.kafka_bootstrap_servers,
            deliveries=Deliveries(client),
            dead_letters=DeadLetters(writer),
        )
        forgetting = asyncio.create_task(
            ensure_forgetting(client, days=self.settings.message_retention_days)
        )
        async with AsyncExitStack() as closing:
            closing.callback(forgetting.cancel)
            closing.push_async_callback(writer.stop)
            closing.push_async_callback(mail.close)
            closing.push_async_callback(sms.close)
            await closing.enter_async_context(
                deliveries_worker(client, messages, Forgetting(self.database), upgraded(self.build))
            )
            log.info("notifier_started")
            await intake.run()


def deliveries_worker(
    client: Client,
    messages: Messages,
    forgetting: Forgetting,
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
        workflows=[DeliverNotifications, DeliverInstead, ForgetMessages],
        activities=[
            messages.tell_everybody,
            messages.notify_doctor,
            messages.send_sms,
            messages.send_email,
            messages.send_sms_instead,
            messages.send_email_instead,
            forgetting.forget_old_messages,
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
    try:
        settings = product()
        servers = connections()
        mailbox(settings.mail_from)
        build = build_of(deployment())
    except BadSettings as error:
        sys.stderr.write(f"notifier: {error}\n")
        return 2
    except BadAddress:
        sys.stderr.write("notifier: PRIYOM_MAIL_FROM is no address that a mail server takes\n")
        return 2
    configure_logs(settings.log_format)
    use_pinned_time_zones()
    database = connect_database(servers.database_url, pool_size=4, name="priyom-notifier")
    collect_garbage_seldom()
    if not spare_payload_walks():
        log.warning("payload_walks_kept", reason="another version of temporalio")
    uvloop.run(Notifier(servers=servers, settings=settings, build=build, database=database).run())
    return 0


if __name__ == "__main__":
    exit_process(main())
