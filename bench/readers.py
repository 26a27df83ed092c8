"""Closed-loop readers on raw connections: what they cost must not hide what the server costs."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length:"


@dataclass
class Told:
    """What the readers were told: answers by status and by cache, and how long each took."""

    seconds: float = 0.0
    by_status: dict[int, int] = field(default_factory=dict)
    hits: int = 0
    took_ms: list[float] = field(default_factory=list)

    @property
    def reads(self) -> int:
        return len(self.took_ms)


class Reader(asyncio.Protocol):
    """One keep-alive connection, which asks again as soon as it has been answered."""

    def __init__(self, next_request: Callable[[], bytes | None], told: Told) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._next_request = next_request
        self._told = told
        self._read = bytearray()
        self._asked = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment] # of TCP
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._read += data
        end = self._read.find(END_OF_HEAD)
        if end < 0 or len(self._read) < end + len(END_OF_HEAD) + _length(self._read[:end]):
            return
        self._take(bytes(self._read[:end]))
        self._read.clear()
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))

    def _ask(self) -> None:
        request = self._next_request()
        if request is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._asked = time.perf_counter()
        self._transport.write(request)

    def _take(self, head: bytes) -> None:
        self._told.took_ms.append((time.perf_counter() - self._asked) * 1000)
        status = int(head[9:12])
        self._told.by_status[status] = self._told.by_status.get(status, 0) + 1
        self._told.hits += b"priyom; hit" in head


async def read(api: str, requests: list[bytes], *, connections: int, seconds: float) -> Told:
    """Ask for the requests in turn, so many at once, for so long."""
    parts = urlsplit(api)
    told = Told()
    begun = time.perf_counter()
    asked = 0

    def next_request() -> bytes | None:
        nonlocal asked
        if time.perf_counter() >= begun + seconds:
            return None
        asked += 1
        return requests[asked % len(requests)]

    loop = asyncio.get_running_loop()
    readers = []
    for _ in range(connections):
        _, reader = await loop.create_connection(
            lambda: Reader(next_request, told), parts.hostname or "127.0.0.1", parts.port or 80
        )
        readers.append(reader.done)
    async with asyncio.timeout(seconds + 30):
        await asyncio.gather(*readers)
    told.seconds = time.perf_counter() - begun
    return told


def request(path: str, etag: str | None = None) -> bytes:
    """A GET as a small client writes it; with a tag, one that knows the body already."""
    condition = f"if-none-match: {etag}\r\n" if etag else ""
    return f"GET {path} HTTP/1.1\r\nhost: localhost\r\n{condition}\r\n".encode()


def _length(head: bytearray) -> int:
    """What follows the head; a 304 says nothing of a length and has no body."""
    at = head.lower().find(LENGTH)
    if at < 0:
        return 0
    return int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0])
