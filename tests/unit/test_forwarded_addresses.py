"""By which address a caller without a token is counted behind the gateway of deploy/."""

import re
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from tests.unit.test_deploy import DEPLOY, PODS, containers

pytestmark = pytest.mark.unmeasured

BELIEVES_EVERYBODY = re.compile(r"FORWARDED_ALLOW_IPS\W+(value\W+)?\*")
AS_SENT, APPENDED = "198.51.100.1", "203.0.113.9"


def believed() -> set[str]:
    """Whose word on the caller's address the manifests take."""
    return {
        variable["value"]
        for each in PODS
        for container in containers(each)
        for variable in container.get("env", [])
        if variable["name"] == "FORWARDED_ALLOW_IPS"
    }


async def counted_as(came_from: str) -> str:
    seen: list[str] = []

    async def counts(scope: Scope, _: Receive, __: Send) -> None:
        seen.append(scope["client"][0])

    async def nothing(*_: object) -> Any:
        raise AssertionError

    [allowed] = believed()
    headers = [(b"x-forwarded-for", f"{AS_SENT}, {APPENDED}".encode())]
    scope: Any = {"type": "http", "client": (came_from, 1), "headers": headers}
    believing: Any = ProxyHeadersMiddleware(counts, allowed)  # type: ignore[arg-type]
    await believing(scope, nothing, nothing)
    return seen[0]


@pytest.mark.parametrize(
    "gateway", ["10.42.0.7", "100.64.3.9", "172.20.1.1", "192.168.4.4", "fd00::7"]
)
async def test_a_caller_does_not_choose_the_address_that_he_is_counted_by(gateway: str) -> None:
    """The gateway appends the address that it sees to what the caller has sent."""
    assert await counted_as(gateway) == APPENDED


async def test_who_comes_past_the_gateway_is_counted_by_where_he_comes_from() -> None:
    assert await counted_as("203.0.113.7") == "203.0.113.7"


def test_no_manifest_believes_everybody() -> None:
    told = {path.name: path.read_text() for path in DEPLOY.rglob("*") if path.is_file()}

    assert [name for name, text in told.items() if BELIEVES_EVERYBODY.search(text)] == []
