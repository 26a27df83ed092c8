"""What payloads say is told to operations, in the Temporal UI and nowhere else."""

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from starlette.requests import HTTPConnection
from temporalio.api.common.v1 import Payload, Payloads

from adapters.process.settings import Product
from adapters.temporal.codec import SealedPayloads
from api.app import create_app
from api.http.actor import unauthenticated
from api.http.origins import Origins
from api.services import Services
from domain.actors import Actor, Role
from tests.fakes.services import NoServices

UI = "http://127.0.0.1:8233"
OURS = "http://127.0.0.1:8000"
KEY = b"k" * 32
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"held"')


@dataclass
class SaysWhoItIs:
    """Believes the header, as a token would be."""

    async def actor_of(self, connection: HTTPConnection) -> Actor:
        role = connection.headers.get("authorization")
        if role is None:
            raise unauthenticated()
        return Actor(subject="somebody", roles=frozenset({Role(role)}))

    def forget_accounts(self) -> None:
        """There are none."""


class Opened(NoServices):
    callers = SaysWhoItIs()
    limits = None
    product = Product.model_validate({"payload_keys": f"one:{b64encode(KEY).decode()}"})


@asynccontextmanager
async def nothing_opened() -> AsyncIterator[Services]:
    yield Opened()


@pytest.fixture(scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(
        nothing_opened, answer_within_seconds=5, origins=Origins(public=OURS, temporal_ui=UI)
    )
    app.state.services = Opened()
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=OURS) as client:
        yield client


async def sealed(keys: dict[str, bytes]) -> dict[str, object]:
    return MessageToDict(Payloads(payloads=await SealedPayloads(keys).encode([PLAIN])))


async def decode(
    http: httpx.AsyncClient, body: object, *, role: str | None = "operations", **headers: str
) -> httpx.Response:
    who = {} if role is None else {"authorization": role}
    return await http.post(
        "/codec/decode?preserveStorageRefs=true", json=body, headers={**who, **headers}
    )


async def test_operations_read_what_was_sealed_and_what_was_not(http: httpx.AsyncClient) -> None:
    plain = MessageToDict(Payloads(payloads=[PLAIN]))

    opened = await decode(http, await sealed({"one": KEY}), **{"x-namespace": "default"})
    as_it_was = await decode(http, plain)

    assert (opened.status_code, opened.json()) == (200, plain)
    assert as_it_was.json() == plain
    assert opened.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (None, 401),
        *(
            (role, 403)
            for role in Role
            if role in {Role.PATIENT, Role.RECEPTION, Role.DOCTOR, Role.MANAGER}
        ),
    ],
)
async def test_nobody_else_reads_them(
    role: str | None, status: int, http: httpx.AsyncClient
) -> None:
    answer = await decode(http, await sealed({"one": KEY}), role=role)

    assert answer.status_code == status
    assert "payloads" not in answer.json()


@pytest.mark.parametrize("body", [{"payloads": 7}, {"payloads": [{"data": 7}]}, {"x": 1}])
async def test_what_are_no_payloads_is_told(body: object, http: httpx.AsyncClient) -> None:
    answer = await decode(http, body)

    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")
    assert answer.json()["errors"][0]["field"] == "body"


async def test_a_missing_key_is_told_with_what_to_do(http: httpx.AsyncClient) -> None:
    answer = await decode(http, await sealed({"lost": KEY}))

    assert answer.status_code == 422
    assert "the key lost, which PRIYOM_PAYLOAD_KEYS does not name: add it" in answer.text


@pytest.mark.parametrize(
    ("origin", "may"),
    [(UI, True), ("http://localhost:8233", True), ("http://127.0.0.1:9000", False)],
)
async def test_a_browser_lets_the_temporal_ui_alone_read_the_answer(
    origin: str,
    may: bool,  # noqa: FBT001 - the case
    http: httpx.AsyncClient,
) -> None:
    asks = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-namespace",
    }

    asked = await http.options("/codec/decode", headers=asks)
    answer = await decode(http, await sealed({"one": KEY}), origin=origin)

    allowed = [each.headers.get("access-control-allow-origin") for each in (asked, answer)]
    assert allowed == [origin if may else None] * 2
    assert asked.status_code == (200 if may else 400)
    if may:
        assert answer.headers["access-control-allow-credentials"] == "true"


async def test_the_temporal_ui_may_call_nothing_else(http: httpx.AsyncClient) -> None:
    answer = await http.get("/healthz", headers={"origin": UI})

    assert "access-control-allow-origin" not in answer.headers
