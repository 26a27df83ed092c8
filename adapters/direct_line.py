"""A direct line from the API to one worker: begin a booking there, hear of its row at once.

The worker that begins a run is given its first task with the answer of the start, and tells its
caller of the hold when the row is committed (decision 0012). The line is a short cut and never the
only way: whatever is not answered here is asked of Temporal, which knows all of it.

One connection carries lines of JSON, each an `Ask` or the `Told` of the same number, in any order.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from uuid import UUID

from pydantic import TypeAdapter
from structlog import get_logger

from adapters.process.breaker import Breaker
from domain.booking import BookingRequest, Outcome

ANSWERED_WITHIN_SECONDS = 1.5
"""A worker that hangs costs its callers this much of their deadline, once or twice a second."""
LONGEST_LINE = 64 * 1024

log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Begin this booking, or tell this appointment's run that the patient agrees."""

    number: int
    hold: BookingRequest | None = None
    summary: str = ""
    confirm: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Told:
    """What became of it; None: ask Temporal."""

    number: int
    outcome: Outcome | None


ASK, TOLD = TypeAdapter(Ask), TypeAdapter(Told)


class DirectLine:
    """The API's end. Every answer is None where the worker cannot say, or is not there."""

    def __init__(self, address: str) -> None:
        """`address` is host:port; an empty one is no line at all."""
        host, _, port = address.rpartition(":")
        self._address = (host, int(port)) if address else None
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Outcome | None]] = {}
        self._line: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._dialling = asyncio.Lock()
        self._breaker = Breaker()

    async def hold(self, request: BookingRequest, *, summary: str) -> Outcome | None:
        return await self._ask(Ask(number=next(self._numbers), hold=request, summary=summary))

    async def confirm(self, appointment_id: UUID) -> Outcome | None:
        return await self._ask(Ask(number=next(self._numbers), confirm=appointment_id))

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening

    async def _ask(self, ask: Ask) -> Outcome | None:
        if self._address is None or not self._breaker.lets_through(time.monotonic()):
            return None
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_SECONDS):
                outcome = await self._told(ask)
        except (OSError, TimeoutError) as error:
            now = time.monotonic()
            if self._breaker.failed(now):
                log.warning("direct_line_is_silent", error=type(error).__name__)
            if not self._breaker.lets_through(now):
                self._hang_up()
            return None
        if self._breaker.succeeded():
            log.info("direct_line_answers")
        return outcome

    async def _told(self, ask: Ask) -> Outcome | None:
        told: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()
        line = await self._connected()
        self._waiting[ask.number] = told
        try:
            line.write(ASK.dump_json(ask) + b"\n")
            return await told
        finally:
            self._waiting.pop(ask.number, None)

    async def _connected(self) -> asyncio.StreamWriter:
        """A line that is closing has yet to hear of its end, and takes no more words."""
        async with self._dialling:
            if self._line is not None and self._line.is_closing() and self._listening is not None:
                await asyncio.wait((self._listening,))
            if self._line is None:
                assert self._address is not None  # noqa: S101 - asked before
                reader, self._line = await asyncio.open_connection(
                    *self._address, limit=LONGEST_LINE
                )
                self._listening = asyncio.create_task(self._listen(reader, self._line))
            return self._line

    def _hang_up(self) -> None:
        """The far end may be gone without a word; the next who asks dials anew."""
        if self._line is not None:
            self._line.transport.abort()

    async def _listen(self, reader: asyncio.StreamReader, line: asyncio.StreamWriter) -> None:
        """Until the worker hangs up: those who wait then are not answered here."""
        try:
            while answer := await reader.readline():
                told = TOLD.validate_json(answer)
                waiting = self._waiting.get(told.number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(told.outcome)
        except (OSError, ValueError) as error:
            log.warning("direct_line_broke", error=type(error).__name__)
        finally:
            self._line = None
            line.transport.abort()  # a worker that does not read is not waited for
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionResetError())
            with suppress(OSError):
                await line.wait_closed()
