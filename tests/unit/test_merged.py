"""Several sources as one stream: all are heard, one that ends ends it, nobody is left behind."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from api.http.streams import Event, merged


class Source:
    """Tells what it is given; remembers that it was left."""

    def __init__(self) -> None:
        self.given: asyncio.Queue[Event | Exception | None] = asyncio.Queue()
        self.is_left = False

    async def events(self) -> AsyncGenerator[Event]:
        try:
            while (given := await self.given.get()) is not None:
                if isinstance(given, Exception):
                    raise given
                yield given
        finally:
            self.is_left = True


def day(doctor: str) -> Event:
    return Event(name="day", data={"doctorId": doctor})


async def test_every_source_is_heard_and_left_with_the_reader() -> None:
    one, other = Source(), Source()
    stream = merged([one.events(), other.events()])

    one.given.put_nowait(day("1"))
    first = await anext(stream)
    other.given.put_nowait(day("2"))
    second = await anext(stream)
    await stream.aclose()

    assert (first, second) == (day("1"), day("2"))
    assert (one.is_left, other.is_left) == (True, True)


async def test_the_stream_ends_with_the_first_source_that_does() -> None:
    one, other = Source(), Source()
    stream = merged([one.events(), other.events()])
    one.given.put_nowait(None)

    assert [event async for event in stream] == []
    assert other.is_left


async def test_a_bug_of_a_source_is_one_of_the_stream() -> None:
    one = Source()
    stream = merged([one.events()])
    one.given.put_nowait(ValueError("broken"))

    with pytest.raises(ValueError, match="broken"):
        await anext(stream)


async def test_nothing_to_follow_is_a_silent_stream() -> None:
    stream = merged([])

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(stream), 0.05)
