"""`/readyz` and `/metrics` of a process that has no web server of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from adapters.process.metrics import CONTENT_TYPE, exposition

LISTEN_ON = "127.0.0.1"
REQUEST_SECONDS = 5.0

Ready = Callable[[], Awaitable[bool]]


@asynccontextmanager
async def serve_health(port: int, ready: Ready, *, host: str = LISTEN_ON) -> AsyncIterator[None]:
    """Answer on `port` while the block runs; port 0 means no server."""
    if port == 0:
        yield
        return

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _answer(reader, writer, ready)

    server = await asyncio.start_server(answer, host, port, limit=8192)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ready: Ready) -> None:
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            request = await reader.readuntil(b"\r\n\r\n")
            writer.write(await _response(request, ready))
            await writer.drain()
    except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass  # the caller has gone, or sent no HTTP
    finally:
        writer.close()


async def _response(request: bytes, ready: Ready) -> bytes:
    path = request.split(b" ", 2)[1] if request.count(b" ") > 1 else b""
    if path == b"/metrics":
        return _http(200, await exposition(), CONTENT_TYPE)
    if path == b"/healthz":
        return _http(200, b'{"status":"alive"}')
    if path != b"/readyz":
        return _http(404, b'{"status":"not found"}')
    if await ready():
        return _http(200, b'{"status":"ready"}')
    return _http(503, b'{"status":"not ready"}')


def _http(status: int, body: bytes, content_type: str = "application/json") -> bytes:
    reason = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}[status]
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
