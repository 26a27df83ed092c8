"""Server-sent events: how they are written, the heartbeat between them, and when a stream ends."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Annotated

import orjson
from fastapi import Header
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.requests import Request
from starlette.responses import Response

from api.http.actor import CALLER, GOOD_UNTIL
from api.http.limits import LIMITED_AS, too_many_requests
from api.http.middleware import HEAD_ONLY
from api.http.problems import unavailable

HEARTBEAT_SECONDS = 15.0
"""Shorter than the half minute after which proxies call a connection idle."""

AGAIN_AFTER_MS = 2_000
"""When a browser comes back after a stream has ended; it then says what it saw last."""

JUDGED_FOR_SECONDS = 300.0
"""So long a stream goes on that not everybody may have; who comes back is judged again."""

MOST_AT_ONCE = 1_000
"""Streams of one process; each costs a connection and a task."""

MOST_OF_ONE = 30
"""Of them for one caller who is limited: some tabs on some devices, or a clinic's waiting room."""

HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""No cache may keep a stream, and no proxy may wait for its end."""


LastEventId = Annotated[
    str | None, Header(alias="Last-Event-ID", description="`id` of the last event that was seen")
]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened; `id` is what a browser that comes back says it saw last."""

    name: str
    data: Mapping[str, object]
    id: str | None = None

    def written(self) -> bytes:
        data = orjson.dumps(self.data).decode()
        return format_sse_event(event=self.name, data_str=data, id=self.id)


EVENTS = {"description": "events, each with its name, its id, and its data as JSON"}
"""The schema of a stream: no schema of OpenAPI 3.1 has a place for events."""


def written_as(example: str) -> dict[str, object]:
    """How an answer that is a stream stands in the API's description."""
    return {"content": {"text/event-stream": {"schema": EVENTS, "example": example}}}


class Streams:
    """The open streams of the process."""

    def __init__(self, *, judged_for_seconds: float = JUDGED_FOR_SECONDS) -> None:
        self._judged_for_seconds = judged_for_seconds
        self._leaving = asyncio.Event()
        self._open: Counter[str | None] = Counter()

    def leave(self) -> None:
        """End every stream now: their readers come back to another process, or to the next."""
        self._leaving.set()

    def answer(
        self, request: Request, events: AsyncGenerator[Event], *, seen: str | None = None
    ) -> Response:
        """Sends `events` until they end, the reader goes, or the process does.

        Find out before whether there is anything to stream: a stream that has begun cannot refuse.
        So one that was let in for who its reader is ends after a while, or with the reader's token.
        `seen` is the id that a reader comes back with who was sent no event.
        """
        if HEAD_ONLY in request.scope:
            return Response(headers=HEADERS, media_type=EventSourceResponse.media_type)
        if self._open.total() >= MOST_AT_ONCE or self._leaving.is_set():
            raise unavailable()
        caller = request.scope.get(LIMITED_AS)
        if caller is not None and self._open[caller] >= MOST_OF_ONE:
            raise too_many_requests(AGAIN_AFTER_MS / 1000)
        opening = format_sse_event(comment="open", retry=AGAIN_AFTER_MS, id=seen)
        lasts = self._lasts(request)
        return EventSourceResponse(self._counted(opening, events, caller, lasts), headers=HEADERS)

    def _lasts(self, request: Request) -> float | None:
        """Seconds; null for what everybody may have."""
        if CALLER not in request.scope:
            return None
        good_for: float = request.scope.get(GOOD_UNTIL, float("inf")) - time.time()
        return min(self._judged_for_seconds, good_for)

    async def _end(self, lasts: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(lasts):
                await self._leaving.wait()

    async def _counted(
        self,
        opening: bytes,
        events: AsyncGenerator[Event],
        caller: str | None,
        lasts: float | None,
    ) -> AsyncIterator[bytes]:
        self._open[caller] += 1
        leaving = asyncio.create_task(self._end(lasts))
        try:
            yield opening
            async for written in _with_heartbeats(events, leaving):
                yield written
        finally:
            self._open[caller] -= 1
            self._open += Counter()  # those who have none left are forgotten
            leaving.cancel()


async def _with_heartbeats(
    events: AsyncGenerator[Event], leaving: asyncio.Task[None]
) -> AsyncIterator[bytes]:
    coming: asyncio.Task[Event] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(events))
            waited_for = {coming, leaving}
            await asyncio.wait(
                waited_for, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if leaving.done():
                return
            if not coming.done():
                yield KEEPALIVE_COMMENT
                continue
            try:
                event = coming.result()
            except StopAsyncIteration:
                return
            coming = None
            yield event.written()
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
        await events.aclose()


async def merged(sources: Sequence[AsyncGenerator[Event]]) -> AsyncGenerator[Event]:
    """Several sources as one: each event as it comes; ends, with its error, when one does."""
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
