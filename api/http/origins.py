"""Who may call from a browser, and by which name: our own pages, and front ends that were named."""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.answers import ProblemAnswer
from api.http.problems import Problem

API = "/api/v1/"
CODEC = "/codec/"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
PORT = re.compile(r":\d*$")
EXPOSED = ["ETag", "Location", "Retry-After", "Idempotent-Replayed", "X-Request-Id", "Cache-Status"]
TAKEN = ["Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID", "Authorization"]
TAKEN_OF_UI = ["Content-Type", "X-Namespace", "Authorization", "Authorization-Extras"]
PREFLIGHT_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Origins:
    """`public`: where our pages are reached; `allowed`: the other front ends of the API;
    `temporal_ui`: where operations look at runs.

    Without `public`, as in a description that nobody calls, every name is ours.
    """

    public: str | None = None
    allowed: frozenset[str] = field(default_factory=frozenset)
    temporal_ui: str | None = None

    @property
    def own(self) -> str | None:
        """The origin of our pages, as browsers write it."""
        return None if self.public is None else _origin(self.public)

    @property
    def of_temporal_ui(self) -> frozenset[str]:
        """Under both names that a development stack on this machine has."""
        if self.temporal_ui is None:
            return frozenset()
        origin = _origin(self.temporal_ui)
        return frozenset({origin, origin.replace("//127.0.0.1", "//localhost")})

    def is_own_page(self, headers: Headers) -> bool:
        """By what every browser says of where a request comes from.

        A caller that says nothing is no browser, and has no cookies to be abused.
        """
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if origin is not None and origin.lower() == self.own:
            return True  # behind a proxy that calls us by another name
        if site is not None:
            return site in {"same-origin", "none"}
        return origin is None or _host_of(origin) == headers.get("host")

    def may_command(self, headers: Headers) -> bool:
        """One of our pages, or a front end that was named."""
        return headers.get("origin", "").lower() in self.allowed or self.is_own_page(headers)

    def is_own_name(self, host: str) -> bool:
        """A name with a dot may be anybody's, and may be made to lead here (DNS rebinding)."""
        name = PORT.sub("", host.lower().strip()).rstrip(".")
        if self.public is None or "." not in name or name == urlsplit(self.public).hostname:
            return True
        return name.endswith(".localhost") or _is_address(name)


class OnlyOwn:
    """Refuses what is meant for another host, and what another site commands."""

    def __init__(self, app: ASGIApp, *, origins: Origins) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        is_command = scope["method"] not in SAFE_METHODS and scope["path"].startswith(API)
        if not self._origins.is_own_name(headers.get("host", "")):
            problem = Problem(code="misdirected", detail="This server does not have that name.")
        elif is_command and not self._origins.may_command(headers):
            problem = Problem(code="foreign_form", detail="Another site sent this command.")
        else:
            await self._app(scope, receive, send)
            return
        await ProblemAnswer(problem)(scope, receive, send)


class CrossOrigin:
    """Lets the named front ends call the API from a browser, preflight included."""

    def __init__(self, app: ASGIApp, *, origins: Origins) -> None:
        self._app = app
        self._open = CORSMiddleware(
            app,
            allow_origins=sorted(origins.allowed),
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=TAKEN,
            expose_headers=EXPOSED,
            max_age=PREFLIGHT_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_api = scope["type"] == "http" and scope["path"].startswith(API)
        await (self._open if is_api else self._app)(scope, receive, send)


class TemporalUi:
    """Lets the Temporal UI, and no other origin, ask what payloads say, with who is signed in."""

    def __init__(self, app: ASGIApp, *, origins: Origins) -> None:
        self._app = app
        self._open = CORSMiddleware(
            app,
            allow_origins=sorted(origins.of_temporal_ui),
            allow_methods=["POST"],
            allow_headers=TAKEN_OF_UI,
            allow_credentials=True,
            max_age=PREFLIGHT_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_codec = scope["type"] == "http" and scope["path"].startswith(CODEC)
        await (self._open if is_codec else self._app)(scope, receive, send)


def _origin(address: str) -> str:
    url = urlsplit(address)
    return f"{url.scheme}://{url.netloc}".lower()


def _host_of(origin: str) -> str:
    """With its port; nothing of what is no URL, as of `null`."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
