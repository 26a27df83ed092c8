"""TLS in front of a real server that speaks none itself: a certificate of the test's own authority.

The embedded PostgreSQL, Valkey and Temporal are built without TLS, or have no flag for it.
"""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import trustme

LOOPBACK = "127.0.0.1"
SSL_REQUEST = bytes.fromhex("0000000804d2162f")
GONE = (OSError, EOFError)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def shown_by(authority: trustme.CA, *, asks_for: trustme.CA | None = None) -> ssl.SSLContext:
    """What the server shows, and the authority whose clients alone it lets in."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(LOOPBACK).configure_cert(context)
    context.set_alpn_protocols(["h2"])
    if asks_for is not None:
        asks_for.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@asynccontextmanager
async def terminated(address: str, context: ssl.SSLContext) -> AsyncIterator[int]:
    """The port of a door to the server at this address, a URL or host:port."""
    url = urlsplit(address if "//" in address else f"//{address}")
    target = url.hostname or "", url.port or 0
    begins_plainly = url.scheme == "postgresql"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if begins_plainly:
            assert await reader.readexactly(8) == SSL_REQUEST
            writer.write(b"S")
            await writer.start_tls(context)
        there, out = await asyncio.open_connection(*target)
        await asyncio.gather(_pump(reader, out), _pump(there, writer))

    async with listening(serve, None if begins_plainly else context) as port:
        yield port


@asynccontextmanager
async def listening(serve: Serve, context: ssl.SSLContext | None) -> AsyncIterator[int]:
    """Serves each connection until the block ends; one that breaks off concerns nobody."""
    begun: set[asyncio.Task[None]] = set()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        begun.add(task)
        with suppress(*GONE, asyncio.CancelledError):
            await serve(reader, writer)
        begun.discard(task)
        writer.transport.abort()

    server = await asyncio.start_server(serve_one, LOOPBACK, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(begun):
            task.cancel()
        await asyncio.gather(*begun, return_exceptions=True)


@asynccontextmanager
async def handshaking(context: ssl.SSLContext) -> AsyncIterator[int]:
    """A server that goes no further than the handshake. It says by an alert why it refuses, as
    Temporal does; asyncio's servers only close.
    """
    server = socket.create_server((LOOPBACK, 0))

    def serve() -> None:
        with suppress(OSError):  # shut down below
            while True:
                accepted, _ = server.accept()
                with accepted, suppress(OSError):
                    context.wrap_socket(accepted, server_side=True).close()

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        serving.join()
        server.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(*GONE):
            while data := await reader.read(64 * 1024):
                writer.write(data)
                await writer.drain()
    finally:
        writer.transport.abort()
