"""Process 2, the worker: announcements, audits, and bookings whose API process is gone."""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
import uvloop
from prometheus_client import REGISTRY
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion

from activities.announcements import Announcements
from activities.appointments import Appointments
from activities.audit import Audit
from activities.slots import Slots
from adapters.kafka.events import EventPublisher, ensure_topics
from adapters.postgres.database import Database, connect_database
from adapters.process.audit_gauges import AuditGauges
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
)
from adapters.process.time_zones import use_pinned_time_zones
from adapters.redis.cache import connect_redis
from adapters.temporal.client import connect_patiently, priyom_plugin
from worker.audit_schedule import ensure_audits
from worker.bookings_worker import bookings_worker
from worker.deployment import build_of, ensure_current, has_current, pinned, upgraded
from worker.sdk_patches import spare_payload_walks
from worker.workers import announcements_worker, audits_worker

log = structlog.get_logger("worker")


@dataclass(kw_only=True)
class Process:
    """What the process is connected to, and whether it can work."""

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
            log.info("worker_stopping")
            if self.client is None:
                work.cancel()
            self.stopping.set()
            await asyncio.gather(work, stop, return_exceptions=True)
        await self.database.close()
        self.client = None
        if not work.cancelled():
            work.result()

    async def ready(self) -> bool:
        """Kafka and Redis may come later: nothing is lost without them.

        Before the first build of all is current no worker gets a task, however well it runs.
        """
        return (
            self.client is not None
            and await both_answer(self.client, self.database)
            and await has_current(self.client, self.build)
        )

    async def _work(self) -> None:
        client = await connect_patiently(priyom_plugin())
        redis = connect_redis(self.servers.redis_url, name="priyom-worker")
        publisher = EventPublisher(self.servers.kafka_bootstrap_servers)
        topics = asyncio.create_task(ensure_topics(self.servers.kafka_bootstrap_servers))
        audit_every = timedelta(seconds=self.settings.audit_seconds)
        audits = asyncio.create_task(ensure_audits(client, every=audit_every))
        promoting = asyncio.create_task(ensure_current(client, self.build))
        gauges = AuditGauges(fade_after=3 * audit_every)
        REGISTRY.register(gauges)
        async with AsyncExitStack() as closing:
            closing.push_async_callback(redis.aclose)
            closing.push_async_callback(publisher.stop)
            closing.callback(topics.cancel)
            closing.callback(audits.cancel)
            closing.callback(promoting.cancel)
            announcements = Announcements(database=self.database, redis=redis, publisher=publisher)
            await closing.enter_async_context(
                announcements_worker(
                    client, announcements=announcements, deployment=upgraded(self.build)
                )
            )
            await closing.enter_async_context(
                bookings_worker(
                    client,
                    slots=Slots(self.database),
                    appointments=Appointments(self.database),
                    announcements=announcements,
                    deployment=pinned(self.build),
                )
            )
            await closing.enter_async_context(
                audits_worker(
                    client,
                    deployment=upgraded(self.build),
                    audit=Audit(
                        database=self.database,
                        client=client,
                        publisher=publisher,
                        redis=redis,
                        gauges=gauges,
                    ),
                )
            )
            self.client = client
            log.info("worker_started")
            await self.stopping.wait()


def main() -> int:
    try:
        settings = product()
        servers = connections()
        build = build_of(deployment())
    except BadSettings as error:
        sys.stderr.write(f"worker: {error}\n")
        return 2
    configure_logs(settings.log_format)
    use_pinned_time_zones()
    database = connect_database(servers.database_url, pool_size=8, name="priyom-worker")
    collect_garbage_seldom()
    if settings.sdk_patches == "on" and not spare_payload_walks():
        log.warning("payload_walks_kept", reason="another version of temporalio")
    uvloop.run(Process(servers=servers, settings=settings, build=build, database=database).run())
    return 0


if __name__ == "__main__":
    exit_process(main())
