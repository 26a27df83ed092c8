"""Process 2, the worker: announcements, audits, plans, bookings whose API process is gone."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import timedelta

import structlog
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from temporalio.client import Client
from temporalio.worker import Worker

from activities.announcements import Announcements
from activities.appointments import Appointments
from activities.audit import Audit
from activities.campaigns import Campaigns
from activities.imports import Imports
from activities.shifts import Shifts
from activities.slots import Slots
from activities.trail import keep_forgetting, keep_sealing
from adapters.kafka.events import APPOINTMENTS, GROUP, EventPublisher, keep_topics
from adapters.kafka.lag import keep_measuring_lag
from adapters.postgres.access_gauges import AccessGauges, keep_measuring
from adapters.postgres.booking_gauges import BookingGauges, keep_counting
from adapters.postgres.days import DayBook
from adapters.process.audit_gauges import AuditGauges
from adapters.process.exit import exit_process
from adapters.process.setting_values import quiet_hours_of
from adapters.redis.cache import connect_redis
from adapters.temporal.client import connect_patiently
from worker.audit_schedule import keep_audits
from worker.bookings_worker import bookings_worker
from worker.campaign_keeper import keep_campaigns
from worker.deployment import keep_current, pinned, upgraded
from worker.process import Process, beside, run_process
from worker.publish_schedule import keep_publishing
from worker.workers import announcements_worker, audits_worker, campaigns_worker, plans_worker

log = structlog.get_logger("worker")


async def work(process: Process) -> None:
    client = await connect_patiently(process.plugin)
    redis = connect_redis(process.servers.redis_url, name="priyom-worker")
    publisher = EventPublisher(process.servers.kafka)
    audit_every = timedelta(seconds=process.settings.audit_seconds)
    gauges, bookings = AuditGauges(fade_after=3 * audit_every), BookingGauges()
    access, kafka = AccessGauges(), process.servers.kafka
    for each in (gauges, bookings, access):
        REGISTRY.register(each)
    async with AsyncExitStack() as closing:
        closing.push_async_callback(redis.aclose)
        closing.push_async_callback(publisher.stop)
        await closing.enter_async_context(
            beside(
                keep_topics(kafka),
                keep_audits(client, every=audit_every),
                keep_publishing(client, horizon_days=process.settings.horizon_days),
                keep_sealing(process.database),
                keep_forgetting(process.database, days=process.settings.audit_retention_days),
                keep_campaigns(client, process.database),
                *(
                    [keep_current(client, process.build)]
                    if process.settings.promote == "on"
                    else []
                ),
                keep_counting(process.database, bookings),
                keep_measuring(process.database, access),
                keep_measuring_lag(kafka, group=GROUP, topic=APPOINTMENTS),
            )
        )
        for worker in _workers(process, client, redis, publisher, gauges):
            await closing.enter_async_context(worker)
        process.client = client
        log.info("worker_started")
        await asyncio.Event().wait()  # until it is cancelled


def _workers(
    process: Process,
    client: Client,
    redis: Redis,
    publisher: EventPublisher,
    gauges: AuditGauges,
) -> Iterator[Worker]:
    """One a task queue; runs of minutes stay with their build, the others go on with the newest."""
    database, newest = process.database, upgraded(process.build)
    announcements = Announcements(book=DayBook(database), redis=redis, publisher=publisher)
    yield announcements_worker(client, announcements=announcements, deployment=newest)
    yield bookings_worker(
        client,
        slots=Slots(database),
        appointments=Appointments(database),
        announcements=announcements,
        deployment=pinned(process.build),
    )
    audit = Audit(database=database, client=client, publisher=publisher, redis=redis, gauges=gauges)
    yield audits_worker(client, deployment=newest, audit=audit)
    yield campaigns_worker(
        client,
        campaigns=Campaigns(database, quiet_hours_of(process.settings.quiet_hours)),
        announcements=announcements,
        deployment=newest,
    )
    yield plans_worker(
        client, deployment=newest, shifts=Shifts(database), imports=Imports(database)
    )


def main() -> int:
    return run_process("worker", work, pool_size=8)


if __name__ == "__main__":
    exit_process(main())
