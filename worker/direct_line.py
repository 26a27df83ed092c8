"""The worker's end of the API's direct line: what is asked is answered in any order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from adapters.direct_line import ASK, LONGEST_LINE, TOLD, Ask, Told
from worker.eager_bookings import EagerBookings

LAST_WORDS_SECONDS = 2.0
"""What is in hand when the worker stops is answered first: a run that has been begun is held."""

log = structlog.get_logger(__name__)


class _Line:
    """One connection of an API process."""

    def __init__(
        self, bookings: EagerBookings, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._bookings = bookings
        self._reader = reader
        self._writer = writer

    async def listen(self) -> None:
        """Until the API hangs up, or says what means nothing; what is in hand is answered."""
        try:
            async with asyncio.TaskGroup() as answers:
                while (ask := await self._next()) is not None:
                    answers.create_task(self._answer(ask))
        finally:
            self._writer.close()

    def listen_no_more(self) -> None:
        self._reader.set_exception(ConnectionAbortedError())

    async def _next(self) -> Ask | None:
        try:
            line = await self._reader.readline()
            return ASK.validate_json(line) if line else None
        except ConnectionAbortedError:
            return None
        except (OSError, ValueError) as broken:
            log.warning("direct_line_broke", error=type(broken).__name__)
            return None

    async def _answer(self, ask: Ask) -> None:
        told = Told(number=ask.number, outcome=await self._bookings.answer(ask))
        if not self._writer.is_closing():
            self._writer.write(TOLD.dump_json(told) + b"\n")


class _Exchange:
    """All connections that are open."""

    def __init__(self, bookings: EagerBookings) -> None:
        self._bookings = bookings
        self._lines: dict[asyncio.Task[None], _Line] = {}

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """No coroutine: asyncio would call one that is cancelled a bug, and keep it from us."""
        line = _Line(self._bookings, reader, writer)
        listening = asyncio.create_task(line.listen())
        self._lines[listening] = line
        listening.add_done_callback(self._lines.pop)

    async def close(self) -> None:
        if not self._lines:
            return
        for line in self._lines.values():
            line.listen_no_more()
        listening = list(self._lines)
        _, busy = await asyncio.wait(listening, timeout=LAST_WORDS_SECONDS)
        for each in busy:
            each.cancel()
        await asyncio.gather(*listening, return_exceptions=True)


@asynccontextmanager
async def direct_line(host: str, port: int, bookings: EagerBookings) -> AsyncIterator[None]:
    """Answer on `port` while the block runs; port 0 means no line, as does a port that is taken."""
    if port == 0:
        yield
        return
    exchange, server = _Exchange(bookings), None
    with suppress(OSError):
        server = await asyncio.start_server(exchange.take, host, port, limit=LONGEST_LINE)
    if server is None:
        log.error("direct_line_is_not_open", host=host, port=port, then="bookings go by Temporal")
        yield
        return
    try:
        yield
    finally:
        server.close()
        await exchange.close()
        await server.wait_closed()
