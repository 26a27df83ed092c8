"""The path under which a proxy serves us, as PRIYOM_PUBLIC_URL says it: /priyom, or nothing."""

from contextvars import ContextVar
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ROOT: ContextVar[str] = ContextVar("public_root", default="")
"""What stands before every path that this answer names."""


def root_of(public_url: str | None) -> str:
    return "" if public_url is None else urlsplit(public_url).path.rstrip("/")


def public(path: str) -> str:
    """A path of ours as the caller reaches it."""
    return f"{ROOT.get()}{path}"


class PublicPath:
    """Takes the path off what comes, where the proxy has not, and puts it before where we lead."""

    def __init__(self, app: ASGIApp, *, root: str) -> None:
        self._app = app
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._root:
            await self._app(scope, receive, send)
            return
        if scope["path"] == self._root or scope["path"].startswith(f"{self._root}/"):
            scope = {**scope, "path": scope["path"].removeprefix(self._root) or "/"}
        token = ROOT.set(self._root)

        async def lead(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                place = headers.get("location", "")
                if place.startswith("/") and not place.startswith("//"):
                    headers["location"] = self._root + place
            await send(message)

        try:
            await self._app(scope, receive, lead)
        finally:
            ROOT.reset(token)
