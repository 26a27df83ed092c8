"""Process 2, the worker: builds its clients from the settings and runs until it is told to stop."""

import asyncio
import gc
import os
import signal
import sys
import time

import structlog
import uvloop

from activities.announcements import Announcements
from activities.appointments import Appointments
from activities.slots import Slots
from adapters.cache import connect_redis
from adapters.health import serve_health
from adapters.kafka import EventPublisher, ensure_topics
from adapters.logs import configure_logs
from adapters.postgres import connect_engine
from adapters.settings import BadSettings, Connections, Product, connections, product
from adapters.temporal import connect_temporal, priyom_plugin
from worker.workers import announcements_worker, bookings_worker

log = structlog.get_logger("worker")


async def run(servers: Connections, settings: Product) -> None:
    engine = connect_engine(servers.database_url, pool_size=12, name="priyom-worker")
    redis = connect_redis(servers.redis_url, name="priyom-worker")
    publisher = EventPublisher(servers.kafka_bootstrap_servers)
    client = await connect_temporal(priyom_plugin(), lazy=False)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    bookings = bookings_worker(client, slots=Slots(engine), appointments=Appointments(engine))
    announcing = announcements_worker(
        client, announcements=Announcements(engine=engine, redis=redis, publisher=publisher)
    )
    topics = asyncio.create_task(ensure_topics(servers.kafka_bootstrap_servers))
    async with bookings, announcing, serve_health(settings.health_port, _always):
        log.info("worker started")
        await stopping.wait()
        log.info("worker stopping")
    topics.cancel()
    await publisher.stop()
    await redis.aclose()
    await engine.dispose()


async def _always() -> bool:
    return True


def main() -> int:
    try:
        settings = product()
        servers = connections()
    except BadSettings as error:
        sys.stderr.write(f"worker: {error}\n")
        return 2
    configure_logs(settings.log_format)
    uvloop.run(run(servers, settings))
    return 0


if __name__ == "__main__":
    code = main()
    # A process that used the Temporal client may abort while the interpreter ends (SDK issue 300).
    gc.collect()
    time.sleep(0.2)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
