"""Every route says who may call it; one that does not keeps the API from starting."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import HTTPConnection

from api.http.actor import FOR_ANYBODY, Booker, NoPermissionStated, permissions_of, unauthenticated
from api.http.openapi import describe
from domain.actors import Actor
from domain.permissions import Action
from tests.fakes.services import NoServices

NOBODY = Actor(subject="none", roles=frozenset())
ANY_ID = "00000000-0000-4000-8000-0000000000a1"


class KnownAs:
    """Takes every caller for the same one; without one, for nobody."""

    def __init__(self, actor: Actor | None) -> None:
        self._actor = actor

    async def actor_of(self, _connection: HTTPConnection) -> Actor:
        if self._actor is None:
            raise unauthenticated()
        return self._actor


class SignedIn(NoServices):
    def __init__(self, actor: Actor | None) -> None:
        self.__dict__["callers"] = KnownAs(actor)


def guarded(app: FastAPI) -> Iterator[tuple[str, str]]:
    for route, action in permissions_of(app):
        if action not in {Action.LOOK_AROUND, Action.SEE_SELF}:
            for method in sorted(route.methods or ()):
                yield method, (route.path or "").replace("{", "").replace("}", "")


def seen(answer: httpx.Response) -> tuple[int, str, str | None]:
    return answer.status_code, answer.json()["code"], answer.headers.get("www-authenticate")


async def asked(app: FastAPI, method: str, path: str) -> httpx.Response:
    path = path.replace("appointment_id", ANY_ID).replace("doctor_id", ANY_ID)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        return await http.request(method, path, content=b"no JSON" if method == "POST" else None)


async def test_nobody_is_told_to_sign_in(app: FastAPI) -> None:
    app.state.services = SignedIn(None)

    told = {call: seen(await asked(app, *call)) for call in guarded(app)}

    assert {*told.values()} == {(401, "unauthenticated", "Bearer")}


async def test_a_role_that_may_never_is_refused_whatever_the_id(app: FastAPI) -> None:
    app.state.services = SignedIn(NOBODY)

    told = {call: seen(await asked(app, *call)) for call in guarded(app)}

    assert {*told.values()} == {(403, "forbidden", None)}


def test_a_route_without_a_permission_does_not_start() -> None:
    app = FastAPI(openapi_url=None)

    @app.get("/left-open")
    async def left_open() -> None: ...

    with pytest.raises(NoPermissionStated, match="/left-open"):
        list(permissions_of(app))


def test_a_route_with_two_permissions_does_not_start() -> None:
    app = FastAPI(openapi_url=None)

    @app.get("/open-and-shut", dependencies=[FOR_ANYBODY])
    async def open_and_shut(_: Booker) -> None: ...

    with pytest.raises(NoPermissionStated, match="2 permissions"):
        list(permissions_of(app))


def test_every_guarded_operation_is_described_with_its_refusals(app: FastAPI) -> None:
    paths = describe(app)["paths"]

    hold, day = paths["/api/v1/appointments"]["post"], paths["/api/v1/clinics"]["get"]
    assert hold["security"] == [{"token": []}]
    assert {"401", "403"} <= hold["responses"].keys()
    assert "security" not in day
