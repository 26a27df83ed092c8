"""How a gateway is asked, and how long it asks us to wait."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from adapters.messages.delivery_errors import TryLater
from adapters.messages.sms import SmsGateway, retry_after

NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None),
        ("7", timedelta(seconds=7)),
        ("-5", timedelta()),
        ("Tue, 24 Nov 2026 07:01:00 GMT", timedelta(minutes=1)),
        ("Tue, 24 Nov 2026 06:00:00 GMT", timedelta()),
        ("99999999", timedelta(hours=1)),
        ("soon", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_an_hour(
    header: str | None, wait: timedelta | None
) -> None:
    assert retry_after(header, now=NOW) == wait


class Gateway:
    """Gives every request one answer, and counts the connections that they come by."""

    def __init__(self, answer: str, *, end: str = "\r\nContent-Length: 0\r\n\r\n") -> None:
        self.answer = (answer + end).encode()
        self.connections = 0
        self.asked: list[bytes] = []

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.connections += 1
        while head := await _head(reader):
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
            self.asked.append(head + await reader.readexactly(int(length or 0)))
            writer.write(self.answer)
            if not self.answer.endswith(b"\r\n\r\n"):
                break
        writer.close()


async def _head(reader: StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


@asynccontextmanager
async def asked(gateway: Gateway) -> AsyncIterator[SmsGateway]:
    async with await asyncio.start_server(gateway.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        sms = SmsGateway(f"http://127.0.0.1:{port}/sms")
        try:
            yield sms
        finally:
            await sms.close()


async def test_one_connection_serves_all_messages() -> None:
    gateway = Gateway("HTTP/1.1 202 Accepted")

    async with asked(gateway) as sms:
        for _ in range(3):
            await sms.send("text", to="+7", notification_id=uuid4())

    assert gateway.connections == 1
    assert len(gateway.asked) == 3


async def test_a_message_does_not_follow_a_gateway_elsewhere() -> None:
    gateway = Gateway("HTTP/1.1 307 Temporary Redirect\r\nLocation: /other")

    async with asked(gateway) as sms:
        with pytest.raises(TryLater, match=r"^sms_307$"):
            await sms.send("text", to="+7", notification_id=uuid4())

    assert len(gateway.asked) == 1


async def test_a_connection_that_breaks_off_is_for_later_and_not_tried_twice() -> None:
    gateway = Gateway("HTTP/1.1 200 O", end="")

    async with asked(gateway) as sms:
        with pytest.raises(TryLater, match=r"^sms_away$"):
            await sms.send("text", to="+7", notification_id=uuid4())

    assert len(gateway.asked) == 1
