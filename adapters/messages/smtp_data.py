"""A letter handed over by DATA, which has two answers of unlike patience."""

import asyncio
from dataclasses import dataclass
from typing import Literal

import aiosmtplib
from aiosmtplib import (
    SMTPDataError,
    SMTPException,
    SMTPResponse,
    SMTPServerDisconnected,
    SMTPStatus,
)
from aiosmtplib.protocol import normalize_message_line_endings
from aiosmtplib.typing import Default


class Unanswered(Exception):
    """The server has the whole letter, and has not said whether it took it."""


@dataclass(kw_only=True)
class Turn:
    """A letter's place among those that are handed over at once, and the deadline for that.

    Both end with the letter. Its answer may take what is left then, or `patience` seconds if those
    are more: a server that looks at letters it has keeps nobody from handing over the next.
    """

    deadline: asyncio.Timeout
    places: asyncio.Semaphore
    patience: float
    _has_place: bool = False

    async def __aenter__(self) -> None:
        self._has_place = await self.places.acquire()

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def end(self) -> float:
        """The letter is handed over: so many seconds its answer has."""
        left = (self.deadline.when() or 0) - asyncio.get_running_loop().time()
        self.deadline.reschedule(None)
        self._leave()
        return max(left, self.patience)

    def _leave(self) -> None:
        if self._has_place:
            self.places.release()
        self._has_place = False


class Connection(aiosmtplib.SMTP):
    """Bounds what comes before the end of a letter together, and the answer to it by itself.

    Raises Unanswered for a letter whose answer does not come in time, or whose connection breaks
    meanwhile.
    """

    turn: Turn

    async def data(
        self,
        message: str | bytes,
        /,
        *,
        timeout: float | Literal[Default.token] | None = Default.token,  # noqa: ASYNC109 - the package's
    ) -> SMTPResponse:
        protocol = self.protocol
        if protocol is None:
            raise SMTPServerDisconnected("Connection lost")
        started = await self.execute_command(b"DATA", timeout=timeout)
        if started.code != SMTPStatus.start_input:
            raise SMTPDataError(started.code, started.message)
        content = message.encode("ascii") if isinstance(message, str) else message
        answer_within = self.turn.end()
        protocol.write(_with_dots(content))
        try:
            answer = await protocol.read_response(timeout=answer_within)
        except SMTPException:
            self.close()
            raise Unanswered from None
        if answer.code != SMTPStatus.completed:
            raise SMTPDataError(answer.code, answer.message)
        return answer


def _with_dots(content: bytes) -> bytes:
    """One at the end; a line of the letter that begins with one has another before it."""
    lines = normalize_message_line_endings(content)
    return lines.replace(b"\r\n.", b"\r\n..") + b".\r\n"
