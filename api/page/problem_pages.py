"""A problem as a page, for those who came with a browser."""

from typing import Any
from urllib.parse import quote

import orjson
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problems import MEDIA_TYPE
from api.http.public_path import public
from api.page.forms import see
from api.page.rendering import SAFE, page
from api.page.visitor import anybody

KEPT = ("retry-after", "allow", "connection", "x-request-id")
"""What the problem's own head said that is true of its page as well."""


class ProblemPages:
    """Turns every problem outside the API into a page, whoever answered it.

    It stands around all else, so that a missing page, a missed deadline and a bug look alike.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _wants_a_page(scope):
            await self._app(scope, receive, send)
            return
        head: Message | None = None
        body = b""

        async def send_page(message: Message) -> None:
            nonlocal head, body
            if message["type"] == "http.response.start" and _is_problem(message):
                head = message
                return
            if head is None:
                await send(message)
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                problem = orjson.loads(body)
                answer = _first(scope, problem) or _page(scope, head, problem)
                await answer(scope, receive, send)

        await self._app(scope, receive, send_page)


WHAT_IS_FIRST = {"unauthenticated": "/sign-in", "nobody": "/record"}
"""Whoever opens a page without a session signs in, without a record makes one, and comes back."""


def _first(scope: Scope, problem: dict[str, Any]) -> ASGIApp | None:
    visitor = anybody(HTTPConnection(scope))
    place = WHAT_IS_FIRST.get(problem["code"])
    if place is None or scope["method"] != "GET" or scope["path"].startswith(place):
        return None
    if visitor.sign_in == "off" or (place == "/record" and visitor.sign_in != "in"):
        return None
    way = f"{place}?back={quote(visitor.path, safe='')}"
    return _leave(way) if "hx-request" in Headers(scope=scope) else see(way)


def _leave(path: str) -> ASGIApp:
    """A script asked: the browser itself goes on, to where a script may not, such as the issuer."""
    return Response(headers={**SAFE, "cache-control": "no-store", "hx-redirect": public(path)})


def _page(scope: Scope, head: Message, problem: dict[str, Any]) -> ASGIApp:
    given = Headers(raw=head["headers"])
    answer = page(
        anybody(HTTPConnection(scope)),
        "error.html",
        status=head["status"],
        code=problem["code"],
        request_id=given.get("x-request-id", "") if head["status"] >= 500 else "",  # noqa: PLR2004
    )
    answer.headers["cache-control"] = "no-store"
    answer.headers.update({name: given[name] for name in KEPT if name in given})
    return answer


def _wants_a_page(scope: Scope) -> bool:
    if scope["path"].startswith("/api/"):
        return False
    headers = Headers(scope=scope)
    return "text/html" in headers.get("accept", "") or "hx-request" in headers


def _is_problem(message: Message) -> bool:
    return Headers(raw=message["headers"]).get("content-type") == MEDIA_TYPE
