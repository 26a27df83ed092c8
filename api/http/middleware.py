"""The edge of the process: ids, counts, deadlines and limits of every request, as plain ASGI."""

import asyncio
import re
import time
from uuid import uuid4

import structlog
from prometheus_client import Counter, Gauge, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.process.traces import TRACES
from api.http.answers import ProblemAnswer
from api.http.problems import Malformed, Problem, unavailable

MAX_BODY_BYTES = 64 * 1024
MAX_FILE_BYTES = 16 * 1024 * 1024
FILES = re.compile("/api/v1/imports|/manage/clinics/[^/]+/import")
FILES_AT_ONCE = 4
"""So many a process keeps in its memory: whoever sends one has not yet said who he is."""
TOO_MANY_FILES = "Other files are being read at this moment. Send this one again in some seconds."
BODY_WITHIN_SECONDS = 3.0
BODY_SHARE = 0.6
"""Of the time for the whole answer: a body that stops half-way is told before the deadline."""
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)
HEAD_ONLY = "priyom.head_only"
"""In the scope of a request for an answer without its body, which a stream must not begin."""
EVENT_STREAM = b"text/event-stream"
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

REQUESTS = Counter(
    "priyom_http_requests_total",
    "HTTP requests, by route template, method and status",
    ["route", "method", "status"],
)
SECONDS = Histogram(
    "priyom_http_request_seconds",
    "Time from the request's head to the end of the answer, seconds",
    ["route", "method"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
IN_FLIGHT = Gauge("priyom_http_in_flight", "HTTP requests being answered")

log = structlog.stdlib.get_logger(__name__)


class RequestContext:
    """Gives each request an id, counts it, answers HEAD as GET, and turns a bug into a 500."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "other"
        if method == "HEAD":
            scope = {**scope, "method": "GET", HEAD_ONLY: True}  # the server leaves the body out
        request_id = _request_id(Headers(scope=scope).get("x-request-id"))
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status, started, lasts = 0, time.perf_counter(), False

        async def traced_send(message: Message) -> None:
            nonlocal status, lasts
            if message["type"] == "http.response.start":
                status, lasts = message["status"], _is_stream(message)
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        IN_FLIGHT.inc()
        try:
            with TRACES.request(method, Headers(scope=scope)) as span:
                await self._app(scope, receive, traced_send)
                if span is not None:
                    span.update_name(f"{method} {_route(scope)}")
        except Exception:  # the last place where a bug can become an answer
            log.exception("request_failed", route=_route(scope))
            if not status:
                await ProblemAnswer(internal())(scope, receive, traced_send)
        finally:
            IN_FLIGHT.dec()
            route = _route(scope)
            if not lasts:
                SECONDS.labels(route, method).observe(time.perf_counter() - started)
            REQUESTS.labels(route, method, str(status)).inc()


class Deadline:
    """Answers 503 when the answer is not there in time, whatever the request is stuck in.

    The request is cancelled a moment before, which lets it say what it knows; one that does not
    even heed that is left to itself. A stream of events has answered when it begins.
    """

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app = app
        self._grace = min(0.25, seconds / 10)
        self._patience = patience(seconds)
        self._abandoned: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = has_ended = False
        lasts = asyncio.Event()

        async def timely_send(message: Message) -> None:
            nonlocal has_begun
            if not has_ended:
                has_begun = True
                if _is_stream(message):
                    lasts.set()
                await send(message)

        task = asyncio.ensure_future(self._app(scope, receive, timely_send))
        try:
            in_time = await self._in_time(task, lasts)
        finally:
            has_ended = True
        if in_time:
            task.result()
        elif not has_begun:
            await ProblemAnswer(unavailable())(scope, receive, send)

    async def _in_time(self, task: asyncio.Task[None], lasts: asyncio.Event) -> bool:
        try:
            await asyncio.wait({task}, timeout=self._patience)
            if lasts.is_set():
                await asyncio.wait({task})
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=self._grace)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not task.done():
            self._abandoned.add(task)
            task.add_done_callback(self._forget)
        return task.done() and not task.cancelled()

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._abandoned.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("abandoned_request_failed", error=type(error).__name__)


class BodyLimit:
    """Reads a body of at most 64 KiB, a file of 16 MiB, before anything looks at it.

    A longer one is a 413, one that does not arrive in time a 408, a file too many a 503.
    """

    def __init__(self, app: ASGIApp, *, answer_within_seconds: float) -> None:
        self._app = app
        self._patience = min(BODY_WITHIN_SECONDS, answer_within_seconds * BODY_SHARE)
        self._files = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        if not FILES.fullmatch(scope["path"]):
            await self._pass_on(scope, receive, send, MAX_BODY_BYTES)
            return
        if self._files >= FILES_AT_ONCE:
            await ProblemAnswer(unavailable(detail=TOO_MANY_FILES))(scope, receive, send)
            return
        self._files += 1
        try:
            await self._pass_on(scope, receive, send, MAX_FILE_BYTES)
        finally:
            self._files -= 1

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        try:
            async with asyncio.timeout(self._patience):
                body = await _body(Headers(scope=scope), receive, limit)
        except ClientDisconnect:
            return  # half a request asks for nothing
        except TimeoutError:
            await ProblemAnswer(late_body())(scope, receive, send)
            return
        if body is None:
            await ProblemAnswer(too_large(limit))(scope, receive, send)
            return
        unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_again() -> Message:
            return unread.pop() if unread else await receive()

        await self._app(scope, receive_again, send)


async def _body(headers: Headers, receive: Receive, limit: int) -> bytes | None:
    """The whole body, or None as soon as it is known to be too large."""
    announced = headers.get("content-length", "0")
    if not announced.isascii() or not announced.isdigit() or int(announced) > limit:
        return None
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def patience(seconds: float) -> float:
    """How long a request may work on an answer that is to be there after so many seconds."""
    return seconds - min(0.15, seconds / 10) - min(0.25, seconds / 10)


def too_large(limit: int = MAX_BODY_BYTES) -> Problem:
    return Problem(code="too_large", detail=f"The body is larger than {limit} bytes.")


def late_body() -> Problem:
    """The connection ends with it: what still comes would be taken for the next request."""
    problem = Malformed("body", "did not arrive in time", status=408)
    problem.detail = "The body did not arrive in time."
    problem.headers = {"connection": "close"}
    return problem


def internal() -> Problem:
    return Problem(code="internal", detail="Something went wrong on our side; it is recorded.")


def _is_stream(message: Message) -> bool:
    return any(
        name == b"content-type" and value.startswith(EVENT_STREAM)
        for name, value in message.get("headers", ())
    )


def _request_id(given: str | None) -> str:
    return given if given and REQUEST_ID.fullmatch(given) else uuid4().hex


def _route(scope: Scope) -> str:
    """The path with its ids replaced by their names, so that there are few of them to count."""
    if "route" not in scope:
        return "unmatched"
    names = {str(value): f"{{{name}}}" for name, value in scope.get("path_params", {}).items()}
    return "/".join(names.get(part, part) for part in scope["path"].split("/"))
