"""The far end of a direct line, which a test plays over a real connection."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from uuid import UUID

from adapters.direct_line import ASK, TOLD, Ask, Told
from domain.booking import Outcome


class FarEnd:
    """Notes what it is asked; what it answers, and when, is the test's."""

    def __init__(self, port: int) -> None:
        self.address = f"127.0.0.1:{port}"
        self.asks: asyncio.Queue[Ask] = asyncio.Queue()
        self.lines: list[asyncio.StreamWriter] = []
        self.dialled = 0

    async def asked(self, count: int) -> list[Ask]:
        async with asyncio.timeout(10):
            return [await self.asks.get() for _ in range(count)]

    def tell(self, ask: Ask, outcome: Outcome | None) -> None:
        self.say(TOLD.dump_json(Told(number=ask.number, outcome=outcome)) + b"\n")

    def say(self, words: bytes) -> None:
        self.lines[-1].write(words)

    def hang_up(self) -> None:
        for line in self.lines:
            line.close()

    async def listen(self, reader: asyncio.StreamReader, line: asyncio.StreamWriter) -> None:
        self.dialled += 1
        self.lines.append(line)
        try:
            while asked := await reader.readline():
                self.asks.put_nowait(ASK.validate_json(asked))
        except OSError:
            pass  # the near end is gone
        finally:
            self.lines.remove(line)
            line.close()


@asynccontextmanager
async def far_end(port: int = 0) -> AsyncIterator[FarEnd]:
    """Somebody who listens for the time of the block."""
    port = port or a_free_port()
    end = FarEnd(port)
    server = await asyncio.start_server(end.listen, "127.0.0.1", port)
    try:
        yield end
    finally:
        server.close()
        async with asyncio.timeout(10):
            while end.lines:
                end.hang_up()
                await asyncio.sleep(0)
        await server.wait_closed()


def a_free_port() -> int:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def whom(ask: Ask) -> UUID:
    """Whose confirmation this is."""
    assert ask.confirm is not None
    return ask.confirm
