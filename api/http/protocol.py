"""What is no HTTP, or has endless headers, is answered as a problem as well."""

import asyncio
import re
from http import HTTPStatus

import orjson
from httptools import (
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserUpgrade,
    HttpRequestParser,
)
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.http.coalesced_writes import CoalescedWrites
from api.http.heads import refuse_ambiguous
from api.http.problems import MEDIA_TYPE, Malformed, Problem

MAX_HEADER_BYTES = 64 * 1024
HEAD_SECONDS = 10.0
"""From the connection, or the first byte of a further request, to the end of its head."""
MOST_CONNECTIONS = 4_000
"""Of one process; each costs some 20 kB, and a few more callers must not cost it its memory."""
NOT_HTTP = Malformed("request", "is not HTTP", status=400)
NO_METHOD = Problem(
    code="method_not_allowed",
    detail="This server answers GET, HEAD and POST.",
    headers={"allow": "GET, HEAD, POST"},
)
REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ [\x21-\x7e]+ HTTP/1\.[01]\r?\n")
"""RFC 9112: good HTTP, whatever the method. The parser knows those of the IANA only."""


class ProblemProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, with our words for what it cannot understand."""

    first_line = b""
    """The packet that the parser is in, while it has read no other request in it."""

    is_between = True
    """No request has begun and not ended."""

    head_seconds = HEAD_SECONDS
    most_connections = MOST_CONNECTIONS
    head_due: asyncio.TimerHandle | None = None
    """Runs while a head is awaited."""

    head_size = 0
    """Of what came while it was, in bytes."""

    ambiguous: Problem | None = None
    """Why a head that is HTTP is refused all the same."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(CoalescedWrites(transport))
        if len(self.connections) > self.most_connections:
            self.transport.close()
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._have_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None
        self.first_line = data if self.is_between else b""
        if self.is_between:
            self._await_head()
        self.head_size += len(data)
        try:
            self.parser.feed_data(data)
        except HttpParserError as error:
            self._refuse(error)
        except HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(data[upgrade.args[0] :])
        if self.head_due is not None and self.head_size > MAX_HEADER_BYTES:
            self._refuse(HttpParserError("the head is too large"))

    def _await_head(self) -> None:
        if self.head_due is None:
            self.head_size = 0
            self.head_due = self.loop.call_later(self.head_seconds, self._give_up)

    def _have_head(self) -> None:
        if self.head_due is not None:
            self.head_due.cancel()
            self.head_due = None

    def _give_up(self) -> None:
        """A caller that is so slow, or silent, would keep the connection for ever."""
        self.head_due = None
        self.transport.close()

    def on_message_begin(self) -> None:
        self.header_bytes = 0
        self.is_between = False
        self._await_head()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.header_bytes += len(name) + len(value)
        if self.header_bytes > MAX_HEADER_BYTES:
            raise ValueError("the headers are too large")  # which the parser tells as bad HTTP
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._have_head()
        version = self.parser.get_http_version()
        self.ambiguous = refuse_ambiguous(version, self.url, self.headers)
        if self.ambiguous is not None:
            raise ValueError(self.ambiguous.detail)  # which the parser tells as bad HTTP
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()
            self.is_between = True
            self.first_line = b""

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """Nothing is spoken here but HTTP/1.1: the request stands as if it had not asked.

        The parser takes the body for the other protocol's, so it is given the head once more,
        without the wish; Java's client, for one, wishes for HTTP/2 with every request.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._refuse(None)
            return
        kept = [b"%s: %s\r\n" % each for each in self.headers if each[0] != b"upgrade"]
        version = self.parser.get_http_version().encode()
        head = b"%s %s HTTP/%s\r\n%s\r\n" % (method, self.url, version, b"".join(kept))
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self.is_between = True
        self.data_received(head + rest)

    def _refuse(self, error: HttpParserError | None) -> None:
        """What comes after it cannot be read any more, so the connection ends."""
        self._have_head()
        is_method = error is None or isinstance(error, HttpParserInvalidMethodError)
        is_request = REQUEST_LINE.match(self.first_line)
        told = self.ambiguous or (NO_METHOD if is_method and is_request else NOT_HTTP)
        self.transport.write(_written(told))
        self.transport.close()


def _written(problem: Problem) -> bytes:
    body = orjson.dumps(problem.document())
    headers = {
        "content-type": MEDIA_TYPE,
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "connection": "close",
        **problem.headers,
    }
    lines = [f"HTTP/1.1 {problem.http_status} {HTTPStatus(problem.http_status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body
