"""The proxy does to a link what it is told, and counts it."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing, suppress

import pytest

from stack.ports import Ports
from tests.faults.rig.proxy import Proxy
from tests.faults.rig.waiting import IN_TIME, until
from tests.faults.rig.weather import Act, Toward

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]


@pytest.fixture
def heard() -> list[bytes]:
    """Lines that reached the server."""
    return []


@pytest.fixture
async def proxy(heard: list[bytes]) -> AsyncIterator[Proxy]:
    """In front of a server that says each line again."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError), closing(writer):
            while line := await reader.readline():
                heard.append(line)
                writer.write(line)

    ports = Ports()
    server = await asyncio.start_server(echo, "127.0.0.1", ports.take())
    proxy = Proxy("test", ports.take(), server.sockets[0].getsockname()[1])
    await proxy.open()
    yield proxy
    await proxy.close()
    server.close()
    ports.release()


@pytest.fixture
async def connect(proxy: Proxy) -> AsyncIterator[Connect]:
    opened: list[Streams] = []

    async def connected() -> Streams:
        opened.append(await asyncio.open_connection("127.0.0.1", proxy.port))
        return opened[-1]

    yield connected
    for _, writer in opened:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def said(streams: Streams, line: bytes, *, within: float = IN_TIME) -> bytes:
    reader, writer = streams
    writer.write(line)
    async with asyncio.timeout(within):
        return await reader.readline()


async def test_what_is_said_arrives_and_comes_back(connect: Connect) -> None:
    streams = await connect()

    assert await said(streams, b"hello\n") == b"hello\n"


async def test_a_slow_link_delays_each_direction(proxy: Proxy, connect: Connect) -> None:
    streams = await connect()
    proxy.slow(0.1, jitter=0.02)
    begun = time.monotonic()

    assert await said(streams, b"hello\n") == b"hello\n"

    assert time.monotonic() - begun >= 0.16
    assert proxy.counts["delayed"] == 2


async def test_a_frozen_link_delivers_when_it_is_healed(proxy: Proxy, connect: Connect) -> None:
    streams = await connect()
    proxy.freeze()
    with pytest.raises(TimeoutError):
        await said(streams, b"one\n", within=0.1)

    await proxy.heal()

    assert await said(streams, b"two\n") == b"one\n"
    assert await streams[0].readline() == b"two\n"


async def test_a_black_hole_swallows_and_healing_resets_its_links(
    proxy: Proxy, connect: Connect, heard: list[bytes]
) -> None:
    proxy.swallow()
    streams = await connect()
    with pytest.raises(TimeoutError):
        await said(streams, b"one\n", within=0.1)

    await proxy.heal()

    with pytest.raises(ConnectionResetError):
        await streams[0].readline()
    assert (heard, proxy.counts["swallowed"]) == ([], 1)
    assert await said(await connect(), b"two\n") == b"two\n"


async def test_a_refusing_link_resets_and_lets_nobody_in_until_it_is_healed(
    proxy: Proxy, connect: Connect
) -> None:
    streams = await connect()
    await said(streams, b"one\n")

    proxy.refuse()

    with pytest.raises(ConnectionResetError):
        await streams[0].readline()
    with pytest.raises(ConnectionRefusedError):
        await connect()
    await proxy.heal()
    assert await said(await connect(), b"two\n") == b"two\n"


async def test_a_half_closed_link_still_carries_requests(
    proxy: Proxy, connect: Connect, heard: list[bytes]
) -> None:
    streams = await connect()
    await said(streams, b"one\n")

    proxy.half_close()

    assert await said(streams, b"two\n") == b""
    await until(lambda: len(heard) == 2, "the second line arrived")


async def test_a_link_is_cut_after_so_many_bytes(proxy: Proxy, connect: Connect) -> None:
    streams = await connect()
    proxy.cut_after(8, Toward.CLIENT)

    assert await said(streams, b"four\n") == b"four\n"
    with pytest.raises(ConnectionResetError):
        await said(streams, b"more\n")

    assert proxy.counts["cut"] == 1


async def test_the_reply_to_a_pattern_is_lost_after_the_server_acted(
    proxy: Proxy, connect: Connect, heard: list[bytes]
) -> None:
    streams = await connect()
    lost = proxy.when(b"BEGIN", b"COM+IT", do=Act.LOSE_REPLY)
    await said(streams, b"COMMIT\n")
    await said(streams, b"BEGIN\n")

    streams[1].write(b"COM")
    await asyncio.sleep(0.02)
    with pytest.raises(ConnectionResetError):
        await said(streams, b"MIT\n")

    await lost.within()
    assert heard == [b"COMMIT\n", b"BEGIN\n", b"COMMIT\n"]
    assert proxy.counts[Act.LOSE_REPLY.value] == 1


@pytest.mark.parametrize(("act", "arrived"), [(Act.HOLD, []), (Act.HOLD_REPLY, [b"hold me\n"])])
async def test_a_request_or_its_reply_is_held_until_it_is_healed(
    proxy: Proxy, connect: Connect, heard: list[bytes], act: Act, arrived: list[bytes]
) -> None:
    streams = await connect()
    held = proxy.when(re.escape(b"hold me"), do=act)
    with pytest.raises(TimeoutError):
        await said(streams, b"hold me\n", within=0.2)
    await held.within()
    assert heard == arrived

    await proxy.heal()

    assert await streams[0].readline() == b"hold me\n"


async def test_what_was_said_before_somebody_looked_does_not_count(
    proxy: Proxy, connect: Connect
) -> None:
    streams = await connect()
    await said(streams, b"COMMIT\n")
    lost = proxy.when(b"COMMIT", do=Act.LOSE_REPLY)

    answered = await said(streams, b"BEGIN\n")

    assert answered == b"BEGIN\n"
    assert not lost.came.is_set()


async def test_links_are_forgotten_when_both_sides_have_gone(
    proxy: Proxy, connect: Connect
) -> None:
    streams = await connect()
    await said(streams, b"one\n")
    streams[1].close()
    await streams[1].wait_closed()

    await until(lambda: not proxy.links, "no link is left")
