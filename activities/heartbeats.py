"""A step that may wait for minutes says that it lives; one whose process died is begun again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity

EVERY = timedelta(seconds=5)


@asynccontextmanager
async def heartbeats(*, every: timedelta = EVERY) -> AsyncIterator[None]:
    """From now on until the end of the block. Not for a local activity, which has none."""
    beating = asyncio.create_task(_beat(every.total_seconds()))
    try:
        yield
    finally:
        beating.cancel()


async def _beat(seconds: float) -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(seconds)
