"""Whoever was signed out on a page signs in and comes back to it, whatever asked for the page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response

from api.app import create_app
from api.http.actor import unauthenticated
from api.http.origins import Origins
from api.services import Services
from domain.actors import Actor, Role
from tests.fakes.services import NoServices

CURSOR = "abcdefghij" * 25
LONG = f"/visits?later={CURSOR}"
ENDLESS = f"/visits?later={CURSOR * 10}"


class Callers:
    """Knows those who say so for patients without a record; the others are nobody."""

    async def actor_of(self, connection: HTTPConnection) -> Actor:
        if "x-signed-in" in connection.headers:
            return Actor(subject="somebody", roles=frozenset({Role.PATIENT}))
        raise unauthenticated()


class SignIn:
    """Leads to the issuer, and says there where to come back to."""

    async def begin(self, back: str) -> Response:
        return RedirectResponse(f"https://issuer.example/?{urlencode({'back': back})}", 303)


class WithSignIn(NoServices):
    def __getattr__(self, name: str) -> object:
        known: dict[str, object] = {"callers": Callers(), "page_sign_in": SignIn()}
        return known.get(name) or super().__getattr__(name)


@asynccontextmanager
async def nothing_opened() -> AsyncIterator[Services]:
    yield WithSignIn()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    origins = Origins(public="https://clinic.example/priyom")
    app = create_app(nothing_opened, answer_within_seconds=5, origins=origins)
    app.state.services = WithSignIn()
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, base_url="https://clinic.example", headers={"accept": "text/html"}
    ) as client:
        yield client


async def test_a_page_that_a_script_asked_for_is_left_by_the_browser_itself(
    http: httpx.AsyncClient,
) -> None:
    """A script may not follow a redirect to the issuer."""
    asked = await http.get("/visits?x=1", headers={"hx-request": "true"})
    opened = await http.get("/visits?x=1")

    place = "/priyom/sign-in?back=%2Fvisits%3Fx%3D1"
    assert (asked.status_code, asked.headers["hx-redirect"]) == (200, place)
    assert asked.headers["cache-control"] == "no-store"
    assert (opened.status_code, opened.headers["location"]) == (303, place)


@pytest.mark.parametrize(
    ("back", "place"),
    [(LONG, LONG), (ENDLESS, "/"), ("//evil.example", "/"), ("/visits\0", "/"), ("", "/")],
    ids=["long", "endless", "foreign", "unprintable", "none"],
)
async def test_the_way_back_is_as_long_as_a_page_of_ours_and_never_malformed(
    back: str, place: str, http: httpx.AsyncClient
) -> None:
    at_the_issuer = await http.get("/sign-in", params={"back": back})
    record = await http.get("/record", params={"back": back}, headers={"x-signed-in": "yes"})

    told = parse_qs(urlsplit(at_the_issuer.headers["location"]).query)
    assert told == {"back": [place]}
    assert record.status_code == 200
    assert f'name="back" value="{place}"' in record.text
