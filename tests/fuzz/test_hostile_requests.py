"""The corpus, sent raw over a socket: each is answered as it should be, in time, as a problem."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from stack.run_state import RunState
from tests.fuzz.corpus import CORPUS, KINDS
from tests.fuzz.hostile import GET, Hostile, request
from tests.fuzz.wire import Answer, say

AT_ONCE = 16
TOLD_TOO_MUCH = (b"Traceback", b"SELECT", b"sqlalchemy", b".py")


async def answers_to(hostile: Sequence[Hostile], state: RunState) -> list[str]:
    """What was answered otherwise than it should be, one line each."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def send(one: Hostile) -> str | None:
        async with turns:
            answers = await say(
                state["api"] or "", *one.parts, pause=one.pause, expected=len(one.answers)
            )
        statuses = tuple(answer.status for answer in answers)
        if statuses not in (one.answers, *one.instead):
            return f"{one.name}: {statuses} in place of {one.answers}"
        return _untold(one, answers)

    found = await asyncio.gather(*map(send, hostile))
    return [line for line in found if line]


def _untold(one: Hostile, answers: Sequence[Answer]) -> str | None:
    for answer in answers:
        if answer.status >= 400 and answer.code is None:
            return f"{one.name}: {answer.status} is no problem document"
        if any(word in answer.body for word in TOLD_TOO_MUCH):
            return f"{one.name}: tells what is inside"
    return None


@pytest.mark.parametrize("kind", KINDS)
async def test_each_is_answered_as_it_should_be(kind: str, product: RunState) -> None:
    assert await answers_to(KINDS[kind], product) == []


async def test_the_front_end_is_served_while_all_of_it_comes_in(product: RunState) -> None:
    hostile = asyncio.create_task(answers_to(CORPUS, product))
    served = 0

    while not hostile.done():
        assert [answer.status for answer in await say(product["api"] or "", request(GET))] == [200]
        served += 1

    assert await hostile == []
    assert served >= 3


async def test_a_crowd_of_half_requests_keeps_nobody_waiting(product: RunState) -> None:
    """Slowloris: heads and bodies that never end hold a connection each, and nothing else."""
    url = product["api"] or ""
    half_body = request("POST /api/v1/appointments HTTP/1.1", "Content-Length: 9", body=b"{")
    half_head = request(GET)[:-2]
    # Heads have ten seconds and bodies three, while the other crowd and its patient still connect.
    async with a_crowd(url, half_head, of=200) as heads, a_crowd(url, half_body, of=200) as bodies:
        answers = await say(url, request(GET))

        assert [answer.status for answer in answers] == [200]
        for crowd in (bodies, heads):
            assert not all(each.done() for each in crowd), "it had to wait until they were given up"


@asynccontextmanager
async def a_crowd(url: str, half: bytes, *, of: int) -> AsyncIterator[list[asyncio.Task[bytes]]]:
    """So many callers have said that, before the block begins, and wait for what they are told."""
    address = urlsplit(url)
    crowd = [await asyncio.open_connection(address.hostname, address.port) for _ in range(of)]
    for _, writer in crowd:
        writer.write(half)
    waiting = [asyncio.create_task(reader.read()) for reader, _ in crowd]
    try:
        yield waiting
    finally:
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for _, writer in crowd:
            writer.close()
