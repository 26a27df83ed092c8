"""Callers who never finish, never begin or are too many keep no connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from fastapi import FastAPI

from adapters.process.settings import product
from api.__main__ import configured
from api.http.protocol import MAX_HEADER_BYTES, ProblemProtocol

SOON = 5
HEAD = b"GET / HTTP/1.1\r\nhost: localhost\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Impatient(ProblemProtocol):
    head_seconds = 0.2


class Patient(ProblemProtocol):
    head_seconds = 60.0


class Small(ProblemProtocol):
    most_connections = 2


@asynccontextmanager
async def served(protocol: type[ProblemProtocol]) -> AsyncIterator[int]:
    config = configured(FastAPI(), product().model_copy(update={"api_port": 0}))
    config.http = protocol
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn raises no event
            await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


async def answer_to(streams: Streams, request: bytes) -> bytes:
    reader, writer = streams
    writer.write(request)
    return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SOON)


async def rest_of(streams: Streams) -> bytes:
    """All that comes until the server closes."""
    return await asyncio.wait_for(streams[0].read(), SOON)


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET / HT", HEAD, HEAD + b"x: y"])
async def test_a_head_that_is_not_ended_in_time_ends_its_connection(sent: bytes) -> None:
    async with served(Impatient) as port:
        streams = await asyncio.open_connection("127.0.0.1", port)
        streams[1].write(sent)

        assert await rest_of(streams) == b""
        streams[1].close()


@pytest.mark.parametrize("sent", [b"\r\n", b"GET / HT"])
async def test_a_further_head_has_an_end_as_well(sent: bytes) -> None:
    async with served(Impatient) as port:
        streams = await asyncio.open_connection("127.0.0.1", port)
        head = await answer_to(streams, HEAD + b"\r\n")
        streams[1].write(sent)

        assert head.startswith(b"HTTP/1.1 404")
        assert b"HTTP" not in await rest_of(streams)
        streams[1].close()


@pytest.mark.parametrize("begin", [b"GET /", HEAD + b"x: "])
async def test_a_head_without_an_end_is_refused_by_its_size(begin: bytes) -> None:
    async with served(Patient) as port:
        streams = await asyncio.open_connection("127.0.0.1", port)
        streams[1].write(begin)
        for _ in range(5):
            streams[1].write(b"x" * (MAX_HEADER_BYTES // 4))
        told = await rest_of(streams)

        assert told.startswith(b"HTTP/1.1 400")
        streams[1].close()


async def test_callers_beyond_the_cap_are_sent_away_and_those_before_are_answered() -> None:
    async with served(Small) as port:
        first = await asyncio.open_connection("127.0.0.1", port)
        assert (await answer_to(first, HEAD + b"\r\n")).startswith(b"HTTP/1.1 404")
        second = await asyncio.open_connection("127.0.0.1", port)
        assert (await answer_to(second, HEAD + b"\r\n")).startswith(b"HTTP/1.1 404")

        third = await asyncio.open_connection("127.0.0.1", port)
        assert await rest_of(third) == b""

        first[1].close()
        second[1].close()
        third[1].close()


async def test_a_body_in_many_pieces_is_no_slow_head() -> None:
    body = b"x" * (MAX_HEADER_BYTES * 2)
    head = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(body)
    async with served(ProblemProtocol) as port:
        streams = await asyncio.open_connection("127.0.0.1", port)
        told = await answer_to(streams, head + body)

        assert told.startswith(b"HTTP/1.1 404")
        streams[1].close()
