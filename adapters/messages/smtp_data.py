"""A letter handed over by DATA, which has two answers of unlike patience."""

import asyncio
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


class Connection(aiosmtplib.SMTP):
    """Bounds what comes before the end of a letter together, and the answer to it by itself.

    `before` is the deadline of the former, which ends with the letter: its answer may take what is
    left of it, or `patience` seconds if those are more. Raises Unanswered past that, and for a
    connection that breaks meanwhile.
    """

    before: asyncio.Timeout
    patience: float

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
        left = (self.before.when() or 0) - asyncio.get_running_loop().time()
        self.before.reschedule(None)
        protocol.write(_with_dots(content))
        try:
            answer = await protocol.read_response(timeout=max(left, self.patience))
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
