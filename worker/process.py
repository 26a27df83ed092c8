"""A process without a web server of its own: it works until it is told to stop."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import structlog
import uvloop
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.plugin import SimplePlugin

from adapters.postgres.database import Database, connect_database
from adapters.process.connection_settings import Connections
from adapters.process.disk import watch_disk
from adapters.process.gc_tuning import collect_garbage_seldom
from adapters.process.health import serve_health
from adapters.process.logs import configure_logs
from adapters.process.probes import both_answer
from adapters.process.settings import (
    BadSettings,
    Product,
    connections,
    deployment,
    product,
)
from adapters.process.time_zones import use_pinned_time_zones
from adapters.process.traces import TRACES
from adapters.temporal.client import priyom_plugin
from adapters.temporal.sdk_metrics import SDK
from worker.deployment import build_of, has_current
from worker.sdk_patches import spare_payload_walks
from worker.secrets import secrets_of
from worker.server_checks import check_api_key, check_servers

BAD_SETTINGS = 2


@dataclass(kw_only=True)
class Process:
    """What the process is connected to. It is ready once its work has set the client."""

    name: str
    servers: Connections
    settings: Product
    build: WorkerDeploymentVersion
    database: Database
    client: Client | None = None

    @property
    def plugin(self) -> SimplePlugin:
        """By which its client of Temporal is made."""
        return priyom_plugin(keys=self.settings.keys_of_payloads)

    async def run(self, work: "Work") -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        await self.database.open()
        health = self.settings.health_port, self.ready
        async with serve_health(*health, host=self.settings.health_host):
            working = asyncio.ensure_future(work(self))
            stop = asyncio.create_task(stopping.wait())
            await asyncio.wait((working, stop), return_when=asyncio.FIRST_COMPLETED)
            structlog.get_logger(self.name).info(f"{self.name}_stopping")
            working.cancel()
            stop.cancel()
            await asyncio.gather(working, stop, return_exceptions=True)
        await self.database.close()
        self.client = None
        if not working.cancelled():
            working.result()

    async def ready(self) -> bool:
        """Kafka and Redis may come later: nothing is lost without them.

        Before the first build of all is current no worker gets a task, however well it runs.
        Who makes it current from outside waits for us to be ready first.
        """
        if self.client is None or not await both_answer(self.client, self.database):
            return False
        return self.settings.promote == "off" or await has_current(self.client, self.build)


Work = Callable[[Process], Awaitable[None]]
"""What a process does until it is cancelled."""


@asynccontextmanager
async def beside(*tasks: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run them while the block runs. A fault of one of them ends the block, and is raised.

    Nobody waits until they have ended: a client of Kafka takes long where there is no Kafka.
    """
    working = cast("asyncio.Task[Any]", asyncio.current_task())
    faults: list[BaseException] = []

    def ended(task: asyncio.Task[None]) -> None:
        if task.cancelled() or working.cancelling():
            return
        if fault := task.exception():
            faults.append(fault)
            working.cancel()

    running = [asyncio.create_task(task) for task in tasks]
    for each in running:
        each.add_done_callback(ended)
    try:
        yield
    except asyncio.CancelledError:
        if not faults:
            raise
        working.uncancel()
        raise faults[0] from None
    finally:
        for each in running:
            each.remove_done_callback(ended)
            each.cancel()


def run_process(name: str, work: Work, *, pool_size: int, signs: bool = False) -> int:
    """Run until told to stop. Returns the exit status. `signs`: with the secret."""
    try:
        settings, servers, build = product(), connections(), build_of(deployment())
        check_servers(servers)
        if signs:
            secrets_of(settings, servers.database_url)
        SDK.switch_on()
        check_api_key()
    except BadSettings as error:
        sys.stderr.write(f"{name}: {error}\n")
        return BAD_SETTINGS
    configure_logs(settings.log_format)
    use_pinned_time_zones()
    database = connect_database(
        servers.database_url,
        pool_size=pool_size,
        name=f"priyom-{name}",
        pooled=bool(servers.database_direct_url),
    )
    collect_garbage_seldom()
    TRACES.switch_on(name)
    watch_disk(settings.home)
    if settings.sdk_patches == "on" and not spare_payload_walks():
        reason = "another version of temporalio"
        structlog.get_logger(name).warning("payload_walks_kept", reason=reason)
    process = Process(name=name, servers=servers, settings=settings, build=build, database=database)
    uvloop.run(process.run(work))
    return 0
