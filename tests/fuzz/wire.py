"""Raw bytes to the API and what comes back: the answers of one connection, and how it ended."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

ANSWERS_WITHIN = 20.0
"""The product promises five seconds; the machine that tests it may be busy."""

NOTHING_MORE_WITHIN = 0.3
"""Seconds of silence after the last answer that is expected."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One HTTP answer, as it was written on the connection."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str | None:
        """Of a problem; None of any other answer."""
        if self.headers.get("content-type") != "application/problem+json":
            return None
        problem: dict[str, object] = orjson.loads(self.body)
        assert {"type", "title", "status", "detail", "code"} <= problem.keys()
        assert problem["status"] == self.status
        return str(problem["code"])


async def say(url: str, *parts: bytes, pause: float = 0.0, expected: int = 1) -> list[Answer]:
    """Send the parts, then listen until the server closes or has nothing more to say.

    Raises TimeoutError where a request that is whole gets no answer at all.
    """
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    answers: list[Answer] = []
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        while (answer := await _in_time(reader, expected - len(answers))) is not None:
            answers.append(answer)
    except ConnectionError:
        pass  # closed while we were still talking, as it may
    except TimeoutError:
        if not answers:
            raise
    finally:
        writer.close()
    return answers


async def _in_time(reader: asyncio.StreamReader, still_expected: int) -> Answer | None:
    within = ANSWERS_WITHIN if still_expected > 0 else NOTHING_MORE_WITHIN
    return await asyncio.wait_for(_next(reader), within)


async def _next(reader: asyncio.StreamReader) -> Answer | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise AssertionError(f"half an answer: {end.partial[:200]!r}") from end
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    status = int(first.split(" ")[1])
    assert first.startswith("HTTP/1.1 ")
    headers = dict(_header(line) for line in lines if line)
    if status == 100:  # the server asks for the body
        return await _next(reader)
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(status=status, headers=headers, body=body)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()
