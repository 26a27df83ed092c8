"""A head that a proxy before us may read otherwise is refused, and its connection ends."""

import asyncio

import pytest
import uvicorn
from fastapi import FastAPI

from adapters.process.settings import product
from api.__main__ import configured
from api.http.heads import refuse_ambiguous
from api.http.protocol import ProblemProtocol

HOST = b"Host: localhost\r\n"
GET = b"GET / HTTP/1.1\r\n"
NEXT = GET + HOST + b"\r\n"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (GET, 400),
        (GET + HOST + HOST, 400),
        (GET + HOST + b"Host: evil.example\r\n", 400),
        (GET + HOST + b"HOST:\r\n", 400),
        (GET + b"Host:\r\n", 400),
        (GET + b"Host: a, b\r\n", 400),
        (GET + b"Host: a b\r\n", 400),
        (GET + b"Host: a@b\r\n", 400),
        (GET + b"Host: a/b\r\n", 400),
        (GET + b"Host: a:b\r\n", 400),
        (GET + b"Host: \xd0\xb0\r\n", 400),
        (b"GET http://a@b/ HTTP/1.1\r\n" + HOST, 400),
        (b"GET http:///x HTTP/1.1\r\n" + HOST, 400),
        (b"GET /#x HTTP/1.1\r\n" + HOST, 400),
        (b"GET / HTTP/2.0\r\n" + HOST, 400),
        (b"GET / HTTP/0.9\r\n" + HOST, 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n", 501),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: , chunked\r\n", 501),
        (
            b"POST / HTTP/1.1\r\n"
            + HOST
            + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
            501,
        ),
    ],
)
async def test_what_has_no_one_meaning_is_refused_and_nothing_after_it_is_read(
    head: bytes, status: int
) -> None:
    told = await _all_that_is_said_to(head + b"\r\n" + NEXT)

    assert told.startswith(b"HTTP/1.1 %d " % status)
    assert told.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "head",
    [
        GET + HOST,
        GET + b"Host: localhost:8000\r\n",
        GET + b"Host: [::1]:8000\r\n",
        b"GET / HTTP/1.0\r\n",
        b"GET http://localhost/ HTTP/1.1\r\n" + HOST,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: CHUNKED\r\n" + HOST,
    ],
)
async def test_what_everybody_reads_alike_is_answered(head: bytes) -> None:
    told = await _all_that_is_said_to(head + b"Connection: close\r\n\r\n0\r\n\r\n")

    assert told.startswith(b"HTTP/1.1 404 ")


def test_the_host_of_a_whole_url_counts_whatever_the_header_says() -> None:
    headers = [(b"host", b"localhost"), (b"accept", b"*/*")]

    assert refuse_ambiguous("1.1", b"http://Evil.example:80/x", headers) is None
    assert headers == [(b"accept", b"*/*"), (b"host", b"Evil.example:80")]


async def _all_that_is_said_to(sent: bytes) -> bytes:
    config = configured(FastAPI(), product().model_copy(update={"api_port": 0}))
    config.http = ProblemProtocol
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn raises no event
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        told = await reader.read()
        writer.close()
    server.should_exit = True
    await serving
    return told
