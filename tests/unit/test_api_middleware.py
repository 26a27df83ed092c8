"""The edge: deadlines, limits and faults, around applications of a few lines."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.middleware import (
    FILES_AT_ONCE,
    MAX_BODY_BYTES,
    TOO_MANY_FILES,
    BodyLimit,
    Deadline,
    RequestContext,
)

HEADERS = [(b"content-length", b"30")]
SOON = 20
"""Seconds; what is waited for comes after a fraction of one on a machine with room."""


async def echo(_scope: Scope, receive: Receive, send: Send) -> None:
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def hang(_scope: Scope, _receive: Receive, _send: Send) -> None:
    await asyncio.Event().wait()


async def hang_and_not_heed(_scope: Scope, _receive: Receive, send: Send) -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.sleep(0.2)
        await send({"type": "http.response.start", "status": 200, "headers": []})


async def say_what_it_knows(_scope: Scope, _receive: Receive, send: Send) -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body", "body": b"begun"})


async def break_down(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise LookupError("a patient's name")


def client(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")


async def test_an_answer_in_time_passes_unchanged() -> None:
    async with client(Deadline(echo, seconds=1)) as http:
        answer = await http.post("/", content=b"hello")

    assert (answer.status_code, answer.content) == (200, b"hello")


@pytest.mark.parametrize("app", [hang, hang_and_not_heed])
async def test_no_answer_in_time_is_unavailable(app: ASGIApp) -> None:
    async with client(Deadline(app, seconds=0.2)) as http:
        answer = await asyncio.wait_for(http.get("/"), SOON)

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "retry-after" in answer.headers


async def test_a_request_that_is_stopped_may_say_what_it_knows() -> None:
    async with client(Deadline(say_what_it_knows, seconds=0.2)) as http:
        answer = await http.get("/")

    assert answer.text == "begun"


async def test_a_bug_is_a_500_that_tells_nothing_of_it() -> None:
    async with client(RequestContext(Deadline(break_down, seconds=1))) as http:
        answer = await http.get("/", headers={"x-request-id": "abc"})

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.headers["x-request-id"] == "abc"
    assert "patient" not in answer.text


@pytest.mark.parametrize("given", ["", "a b", "x" * 129])
async def test_an_id_that_is_no_id_is_replaced(given: str) -> None:
    async with client(RequestContext(echo)) as http:
        answer = await http.get("/", headers={"x-request-id": given})

    assert len(answer.headers["x-request-id"]) == 32


async def test_a_body_at_the_limit_passes_and_one_byte_more_does_not() -> None:
    async with client(BodyLimit(echo, answer_within_seconds=5)) as http:
        largest = await http.post("/", content=b"x" * MAX_BODY_BYTES)
        larger = await http.post("/", content=b"x" * (MAX_BODY_BYTES + 1))

    assert largest.content == b"x" * MAX_BODY_BYTES
    assert (larger.status_code, json.loads(larger.content)["code"]) == (413, "too_large")


async def test_an_endless_body_is_not_read_to_its_end() -> None:
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 10_000

    async with client(BodyLimit(echo, answer_within_seconds=5)) as http:
        answer = await http.post("/", content=pieces())

    assert answer.status_code == 413
    assert sent < 10


async def test_more_files_than_a_process_has_room_for_are_unavailable() -> None:
    is_full, enough, asked = asyncio.Event(), asyncio.Event(), 0

    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal asked
        if scope["path"] != "/":
            asked += 1
            if asked == FILES_AT_ONCE:
                is_full.set()
            await enough.wait()
        await echo(scope, receive, send)

    app = BodyLimit(wait, answer_within_seconds=5)
    async with client(app) as http:
        under_way = [
            asyncio.create_task(http.post("/api/v1/imports", content=b"a file"))
            for _ in range(FILES_AT_ONCE)
        ]
        await asyncio.wait_for(is_full.wait(), SOON)
        one_more = await http.post("/api/v1/imports", content=b"a file")
        no_file = await http.post("/", content=b"no file")
        enough.set()
        taken = await asyncio.gather(*under_way)
        afterwards = await http.post("/api/v1/imports", content=b"a file")

    assert (one_more.status_code, one_more.headers["retry-after"]) == (503, "2")
    told = json.loads(one_more.content)
    assert (told["code"], told["detail"]) == ("unavailable", TOO_MANY_FILES)
    assert {each.status_code for each in (*taken, no_file, afterwards)} == {200}


async def test_half_a_request_asks_for_nothing() -> None:
    asked: list[str] = []

    async def note(_scope: Scope, _receive: Receive, _send: Send) -> None:
        asked.append("cancel")

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def nowhere(_message: Message) -> None:
        return

    scope = {"type": "http", "method": "POST", "path": "/", "headers": HEADERS}
    await BodyLimit(note, answer_within_seconds=5)(scope, gone, nowhere)

    assert asked == []


async def test_a_body_that_stops_half_way_is_the_callers_fault_and_told_before_the_deadline() -> (
    None
):
    first = iter([b"half"])
    answer: list[Message] = []

    async def half() -> Message:
        for part in first:
            return {"type": "http.request", "body": part, "more_body": True}
        await asyncio.Event().wait()
        raise AssertionError

    async def note(message: Message) -> None:
        answer.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": HEADERS}
    app = Deadline(BodyLimit(echo, answer_within_seconds=0.2), seconds=0.2)
    await asyncio.wait_for(app(scope, half, note), SOON)

    head, body = answer
    problem = json.loads(body["body"])
    assert head["status"] == problem["status"] == 408
    assert (b"content-type", b"application/problem+json") in head["headers"]
    assert (b"connection", b"close") in head["headers"]
    assert problem["code"] == "malformed"
    assert problem["detail"] == "The body did not arrive in time."
    assert problem["errors"] == [{"field": "body", "message": "did not arrive in time"}]
