"""A worker beside a server that does not wait for Temporal: it runs once Temporal is there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import structlog
from temporalio.client import Client
from temporalio.plugin import SimplePlugin
from temporalio.worker import Worker

from adapters.temporal.client import TemporalConnection

PAUSE_SECONDS = 2.0
"""Between a worker that failed (its namespace is gone, say) and the next one."""

log = structlog.get_logger(__name__)


@asynccontextmanager
async def running_when_connected(
    temporal: TemporalConnection,
    plugin: SimplePlugin,
    make: Callable[[Client], Worker] | None,
) -> AsyncIterator[None]:
    """Connect behind the block, run the worker if one is wanted, shut it down with the block."""
    stopping = asyncio.Event()
    connecting = asyncio.create_task(temporal.open(plugin))
    running = asyncio.create_task(_run(connecting, make, stopping))
    try:
        yield
    finally:
        stopping.set()
        connecting.cancel()
        await asyncio.gather(running, connecting, return_exceptions=True)


async def _run(
    connecting: asyncio.Task[Client],
    make: Callable[[Client], Worker] | None,
    stopping: asyncio.Event,
) -> None:
    client = await connecting
    while make is not None and not stopping.is_set():
        try:
            await _until(stopping, make(client))
        except Exception as error:  # noqa: BLE001 - the server goes on without it, and says so
            log.error("worker_failed", error=type(error).__name__, again_in_seconds=PAUSE_SECONDS)  # noqa: TRY400 - by its kind: its text may name hosts
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSE_SECONDS):
                    await stopping.wait()


async def _until(stopping: asyncio.Event, worker: Worker) -> None:
    """Run it until it is told to stop. Raises what it failed with."""
    running = asyncio.create_task(worker.run())
    told = asyncio.create_task(stopping.wait())
    log.info("worker_started", task_queue=worker.task_queue)
    await asyncio.wait((running, told), return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    shutting_down = asyncio.create_task(worker.shutdown())
    try:
        await running
    finally:
        shutting_down.cancel()
