"""A mail server that takes its time with a letter that it has, and counts what came."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class SlowMail:
    """Answers after `seconds`, with `answer`; without one it hangs up.

    Where it has nothing to say to DATA, it says nothing.
    """

    seconds: float = 0.0
    answer: bytes = b"250 taken"
    to_data: bytes = b"354 go on"
    port: int = 0
    letters: list[bytes] = field(default_factory=list)
    _talks: set[asyncio.Task[None] | None] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        return sum(talk is not None and not talk.done() for talk in self._talks)

    def hang_up(self) -> None:
        for talk in self._talks:
            if talk is not None:
                talk.cancel()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._talks.add(asyncio.current_task())
        with suppress(asyncio.CancelledError, ConnectionError):
            await self._talk(reader, writer)
        writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 slow\r\n")
        while command := (await reader.readline()).strip():
            if command != b"DATA":
                writer.write(b"250 yes\r\n")
                continue
            if self.to_data:
                writer.write(self.to_data + b"\r\n")
            if not self.to_data.startswith(b"354"):
                continue
            self.letters.append(await reader.readuntil(b"\r\n.\r\n"))
            await asyncio.sleep(self.seconds)
            if not self.answer:
                return
            writer.write(self.answer + b"\r\n")


@asynccontextmanager
async def serving(mail: SlowMail) -> AsyncIterator[SlowMail]:
    server = await asyncio.start_server(mail.serve, "127.0.0.1", 0)
    async with server:
        mail.port = server.sockets[0].getsockname()[1]
        yield mail
        mail.hang_up()
