"""Several sources of events as one stream: a browser has few connections to spare."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from api.http.streams import Event


async def merged(sources: Sequence[AsyncGenerator[Event]]) -> AsyncGenerator[Event]:
    """Each event as it comes; ends, with its error, when a source does."""
    coming: asyncio.Queue[Event] = asyncio.Queue(maxsize=1)

    async def pour(source: AsyncGenerator[Event]) -> None:
        async with aclosing(source):
            async for event in source:
                await coming.put(event)

    pouring = [asyncio.create_task(pour(source)) for source in sources]
    getting = asyncio.create_task(coming.get())
    try:
        while True:
            await asyncio.wait({getting, *pouring}, return_when=asyncio.FIRST_COMPLETED)
            if not getting.done():
                break
            yield getting.result()
            getting = asyncio.create_task(coming.get())
        for ended in (task for task in pouring if task.done()):
            ended.result()
    finally:
        for task in (getting, *pouring):
            task.cancel()
        await asyncio.gather(getting, *pouring, return_exceptions=True)
