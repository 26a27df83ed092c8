"""Server-sent events: heartbeats between them, and an end when the process or the source ends."""

import asyncio
import time
from collections.abc import AsyncGenerator

import pytest
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http import streams as module
from api.http.actor import CALLER, GOOD_UNTIL
from api.http.middleware import HEAD_ONLY, Deadline, RequestContext
from api.http.problems import Problem
from api.http.streams import Event, Streams

A_NOTICE = Event(name="notice", data={"kind": "confirmed"}, id="7")
WRITTEN = b'event: notice\ndata: {"kind":"confirmed"}\nid: 7\n\n'


async def one_then_silence(closed: list[str]) -> AsyncGenerator[Event]:
    try:
        yield A_NOTICE
        await asyncio.Event().wait()
    finally:
        closed.append("closed")


async def one() -> AsyncGenerator[Event]:
    yield A_NOTICE


class Reader:
    """One request to an application that streams; reads what comes, and may go."""

    def __init__(self, app: ASGIApp, method: str = "GET") -> None:
        self.parts: list[bytes] = []
        self.status = 0
        self._news = asyncio.Event()
        self._gone = asyncio.Event()
        scope: Scope = {"type": "http", "method": method, "path": "/", "headers": []}
        self.request = asyncio.create_task(self._ask(app, scope))

    async def _ask(self, app: ASGIApp, scope: Scope) -> None:
        await app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self.status = message.get("status", self.status)
        if message.get("body"):
            self.parts.append(message["body"])
            self._news.set()

    def goes(self) -> None:
        self._gone.set()

    async def has_read(self, part: bytes) -> None:
        async with asyncio.timeout(5):
            while part not in self.parts:
                self._news.clear()
                await self._news.wait()


def streaming(streams: Streams, closed: list[str], **judged: object) -> ASGIApp:
    """`judged`: what the scope says of the caller whom the route has let in."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer = streams.answer(Request({**scope, **judged}), one_then_silence(closed))
        await answer(scope, receive, send)

    return app


async def test_a_stream_outlasts_the_deadline_of_an_answer() -> None:
    closed: list[str] = []
    reader = Reader(RequestContext(Deadline(streaming(Streams(), closed), seconds=0.1)))

    await reader.has_read(WRITTEN)
    await asyncio.wait({reader.request}, timeout=0.4)

    assert not reader.request.done()
    reader.goes()
    await asyncio.wait_for(reader.request, 5)
    assert closed == ["closed"]


async def test_a_stream_ends_when_the_process_leaves() -> None:
    closed: list[str] = []
    streams = Streams()
    reader = Reader(Deadline(streaming(streams, closed), seconds=5))
    await reader.has_read(WRITTEN)

    streams.leave()
    await asyncio.wait_for(reader.request, 5)

    assert closed == ["closed"]
    with pytest.raises(Problem) as refused:
        streams.answer(Request({"type": "http"}), one())
    assert refused.value.code == "unavailable"


async def test_a_stream_that_not_everybody_may_have_ends_after_a_while() -> None:
    """So whoever has signed out, or has lost the right, is told no more."""
    closed: list[str] = []
    streams = Streams(judged_for_seconds=0.1)
    reader = Reader(streaming(streams, closed, **{CALLER: "anna"}))
    of_everybody = Reader(streaming(streams, []))

    await asyncio.wait_for(reader.request, 5)

    assert reader.parts == [b": open\nretry: 2000\n\n", WRITTEN]
    assert closed == ["closed"]
    assert not of_everybody.request.done()
    of_everybody.goes()
    await asyncio.wait_for(of_everybody.request, 5)


@pytest.mark.parametrize("left", [0.1, -0.5])
async def test_a_stream_ends_with_the_token_that_opened_it(left: float) -> None:
    judged = {CALLER: "anna", GOOD_UNTIL: time.time() + left}
    reader = Reader(streaming(Streams(), [], **judged))

    await asyncio.wait_for(reader.request, 5)

    assert reader.parts[0] == b": open\nretry: 2000\n\n"


async def test_a_reader_who_was_sent_nothing_knows_where_to_go_on() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Streams().answer(Request(scope), one(), seen="6")(scope, receive, send)

    reader = Reader(app)
    await asyncio.wait_for(reader.request, 5)

    assert reader.parts == [b": open\nid: 6\nretry: 2000\n\n", WRITTEN]


async def test_silence_is_filled_with_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.01)
    reader = Reader(streaming(Streams(), []))

    await reader.has_read(b": ping\n\n")
    reader.goes()
    await asyncio.wait_for(reader.request, 5)

    assert reader.parts[:3] == [b": open\nretry: 2000\n\n", WRITTEN, b": ping\n\n"]


async def test_a_stream_ends_with_its_source_and_tells_when_to_come_back() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Streams().answer(Request(scope), one())(scope, receive, send)

    reader = Reader(app)
    await asyncio.wait_for(reader.request, 5)

    assert reader.parts == [b": open\nretry: 2000\n\n", WRITTEN]


async def test_asking_for_the_head_alone_begins_no_stream() -> None:
    closed: list[str] = []
    reader = Reader(RequestContext(streaming(Streams(), closed)), method="HEAD")
    await asyncio.wait_for(reader.request, 5)

    assert (reader.status, reader.parts) == (200, [])
    assert HEAD_ONLY not in Request({"type": "http"}).scope


async def test_a_process_has_only_so_many_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 1)
    streams = Streams()
    reader = Reader(streaming(streams, []))
    await reader.has_read(WRITTEN)

    with pytest.raises(Problem) as refused:
        streams.answer(Request({"type": "http"}), one())
    assert refused.value.code == "unavailable"

    reader.goes()
    await asyncio.wait_for(reader.request, 5)
    assert streams.answer(Request({"type": "http"}), one()).status_code == 200
