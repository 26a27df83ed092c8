"""Who may call from a browser, and by which name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.datastructures import Headers

from api.app import create_app
from api.describe import describe_only
from api.http.actor import permissions_of
from api.http.origins import API, Origins
from api.http.strict_query import StrictRoute
from api.services import Services
from tests.fakes.services import NoServices

pytestmark = pytest.mark.unmeasured

FRONT = "https://book.example.org"
OURS = "https://priyom.example"
ORIGINS = Origins(public=f"{OURS}/", allowed=frozenset({FRONT}))
CONFIRM = "/api/v1/appointments/8c1f9f0e-6b7a-4c7d-9c55-3f6c0a8f6d11/confirm"


@asynccontextmanager
async def nothing_opened() -> AsyncIterator[Services]:
    yield NoServices()


@pytest.fixture(scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(nothing_opened, answer_within_seconds=5, origins=ORIGINS)
    app.state.services = NoServices()
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=OURS) as client:
        yield client


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin", "origin": OURS}, True),
        ({"origin": OURS, "host": "api"}, True),
        ({"sec-fetch-site": "cross-site", "origin": FRONT}, True),
        ({"sec-fetch-site": "cross-site", "origin": "https://evil.example"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"origin": "null"}, False),
        ({"origin": "https://["}, False),
        ({"origin": "https://[::]]"}, False),
        ({"origin": "https://book.example.org.evil.example"}, False),
    ],
)
async def test_a_command_of_another_site_is_refused_as_its_form_is(
    headers: dict[str, str],
    passes: bool,  # noqa: FBT001 - the case
    http: httpx.AsyncClient,
) -> None:
    answer = await http.post(CONFIRM, headers=headers)

    assert answer.json()["code"] == ("internal" if passes else "foreign_form")
    assert answer.status_code == (500 if passes else 403)


async def test_an_origin_that_is_no_url_is_no_fault_of_ours(http: httpx.AsyncClient) -> None:
    headers = {"origin": "https://[", "sec-fetch-site": "same-origin"}

    answer = await http.post("/language", data={"language": "ru"}, headers=headers)

    assert answer.status_code == 303


def test_a_named_front_end_may_command_the_api_and_send_no_form() -> None:
    front = Headers({"sec-fetch-site": "cross-site", "origin": FRONT})

    assert ORIGINS.may_command(front)
    assert not ORIGINS.is_own_page(front)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("priyom.example", 200),
        ("PRIYOM.example:443", 200),
        ("127.0.0.1:8000", 200),
        ("[::1]:8000", 200),
        ("localhost", 200),
        ("api:8000", 200),
        ("evil.example", 421),
        ("priyom.example.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
    ],
)
async def test_only_our_own_names_are_answered(
    host: str, status: int, http: httpx.AsyncClient
) -> None:
    answer = await http.get("/healthz", headers={"host": host})

    assert answer.status_code == status


async def test_a_named_front_end_is_let_in_with_its_preflight_and_no_other(
    http: httpx.AsyncClient,
) -> None:
    asks = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "idempotency-key",
    }

    let_in = await http.options(CONFIRM, headers={"origin": FRONT, **asks})
    other = await http.options(CONFIRM, headers={"origin": "https://evil.example", **asks})
    read = await http.get("/api/v1/doctors?nonsense=1", headers={"origin": FRONT})
    page = await http.get("/healthz", headers={"origin": FRONT})

    assert let_in.status_code == 200
    assert let_in.headers["access-control-allow-origin"] == FRONT
    assert other.status_code == 400
    assert "access-control-allow-origin" not in other.headers
    assert read.headers["access-control-allow-origin"] == FRONT
    assert "etag" in read.headers["access-control-expose-headers"].lower()
    assert "access-control-allow-origin" not in page.headers


async def test_a_named_front_end_may_call_every_operation_of_the_api_from_a_browser(
    http: httpx.AsyncClient,
) -> None:
    described = {
        (method.upper(), path)
        for path, operations in describe_only().openapi()["paths"].items()
        for method in operations
        if path.startswith(API)
    }

    refused = []
    for method, path in sorted(described):
        asks = {"origin": FRONT, "access-control-request-method": method}
        if (await http.options(path, headers=asks)).status_code != 200:
            refused.append(f"{method} {path}")

    assert {method for method, _ in described} >= {"GET", "PATCH"}
    assert refused == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/doctors?after=17:00",
        "/api/v1/clinics?Limit=3",
        "/api/v1/doctors/8c1f9f0e-6b7a-4c7d-9c55-3f6c0a8f6d11/schedule?date=2027-03-01&clinic=1",
        "/api/v1/appointments/8c1f9f0e-6b7a-4c7d-9c55-3f6c0a8f6d11?_=",
        "/api/v1/patients/8c1f9f0e-6b7a-4c7d-9c55-3f6c0a8f6d11/appointments?page=2",
        *("/healthz?deep=1", "/readyz?verbose", "/metrics?name=priyom", "/openapi.json?v=2"),
        *("/docs?url=https://evil.example", "/problems?page=2", "/problems/malformed?page=2"),
    ],
)
async def test_an_unknown_query_parameter_is_malformed(path: str, http: httpx.AsyncClient) -> None:
    answer = await http.get(path)

    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")
    assert answer.json()["errors"][0]["message"] == "is not a parameter of this call"


OF_PEOPLE = (
    *("/visits", "/book", "/reception", "/doctor/", "/manage"),
    *("/ops", "/v/", "/sign-", "/patient", "/record", "/calendar/", "/proxies"),
)
"""Their addresses stand in messages and are passed on: others append to them what they like."""


def test_every_route_but_the_pages_of_people_refuses_what_it_does_not_know() -> None:
    lenient = {
        route.path or ""
        for route, _ in permissions_of(describe_only())
        if not isinstance(route.original_route, StrictRoute)
    }

    assert {path for path in lenient if not path.startswith(OF_PEOPLE)} == {"/", "/acting-for"}


async def test_a_page_bears_what_others_have_appended_to_its_address(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.get("/v/forged?fbclid=x", headers={"accept": "text/html"})

    assert answer.status_code == 404
