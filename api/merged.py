"""Several sources of events as one stream: a browser has few connections to spare."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from api.streams import Event


async def merged(sources: Sequence[AsyncIterator[Event]]) -> AsyncGenerator[Event]:
    """Each event as it comes; ends, with its error, when a source does."""
    coming: asyncio.Queue[Event] = asyncio.Queue(maxsize=1)

    async def pour(source: AsyncIterator[Event]) -> None:
        async for event in source:
            await coming.put(event)

    pouring = [asyncio.create_task(pour(source)) for source in sources]
    try:
        while True:
            getting = asyncio.create_task(coming.get())
            await asyncio.wait({getting, *pouring}, return_when=asyncio.FIRST_COMPLETED)
            if not getting.done():
                getting.cancel()
                for task in pouring:
                    if task.done():
                        task.result()
                return
            yield getting.result()
    finally:
        for task in pouring:
            task.cancel()
        await asyncio.gather(*pouring, return_exceptions=True)
