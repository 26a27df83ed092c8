"""Every route, asked by every role about a thing of its own, a proxied one, a stranger's."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg.abc import Params

from adapters.postgres.database import Database, PooledCursor
from api.booking.run_summary import RunSummary
from api.booking.temporal_errors import NoRun
from api.describe import describe_only
from api.http.actor import permissions_of
from api.services import Services
from domain.actors import ActorRef
from domain.booking import Outcome
from domain.permissions import Action
from tests.clinic_rows import Clinic
from tests.fakes.issuer import FakeIssuer
from tests.integration.conftest import serving_changed
from tests.integration.rights import OPEN, RELATIONS, ROLES, Call
from tests.integration.working_runs import WorkingRuns, at_work
from tests.integration.world import PARAMETER, Thing, World, a_world, calls

HELD_BACK = (
    *("/stream", "/proxies/{proxy_id}", "/end", "/imports", "/notifications"),
    *("/read", "/unread"),
)
"""Not asked by those who may: these never end, or are told 404 of a further thing."""


class WatchedRuns(WorkingRuns):
    """Notes each time that a run is looked for."""

    def __init__(self, database: Database, taken: list[str]) -> None:
        super().__init__(database)
        self._taken = taken

    async def summary(self, appointment_id: UUID) -> RunSummary:
        self._taken.append("a run")
        return await super().summary(appointment_id)

    async def extend(
        self, _appointment_id: UUID, _version: int, _by: ActorRef | None = None
    ) -> Outcome:
        raise NoRun  # it waits for nobody: the visit stands

    async def none_of(self, appointment_id: UUID) -> None:
        self._taken.append("a run")
        await super().none_of(appointment_id)


@pytest.fixture(scope="module")
def taken() -> Iterator[list[str]]:
    """The steps that requests take, as they take them: statements, and looks for runs."""
    steps, execute = list[str](), PooledCursor.execute

    async def noted(
        self: PooledCursor,
        query: Any,
        params: Params | None = None,
        *,
        prepare: bool | None = None,
        binary: bool | None = None,
    ) -> PooledCursor:
        steps.append(str(query))
        return await execute(self, query, params, prepare=prepare, binary=binary)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PooledCursor, "execute", noted)
        yield steps


@pytest.fixture(scope="module")
async def watched_api(
    clinic_database: Database, cache_url: str, issuer: FakeIssuer, taken: list[str]
) -> AsyncIterator[str]:
    def at_work_and_watched(services: Services) -> Services:
        return at_work(services, WatchedRuns(services.database, taken))

    named = {"sign_in": "on", "oidc_issuer": issuer.url, "rate_limit": "off"}
    async with serving_changed(clinic_database, cache_url, at_work_and_watched, **named) as url:
        yield url


@pytest.fixture
async def world(
    watched_api: str, issuer: FakeIssuer, clinic: Clinic, cache_url: str
) -> AsyncIterator[World]:
    async with a_world(watched_api, issuer, clinic, cache_url) as it:
        yield it


def is_asked(call: Call, role: str, relation: str) -> bool:
    """What is the same whatever the thing is asked about of one's own alone."""
    told = call.of(role, relation)
    is_same = call.of_all(role) in {"ffff", "yyyy", "xxxx"} and relation != RELATIONS[0]
    return not is_same and not (told == "y" and call.path.endswith(HELD_BACK))


def fits(answer: httpx.Response, told: str) -> bool:
    match told:
        case "y":  # whatever else is wrong with the request
            return answer.status_code not in {401, 403, 404, 500}
        case "n":
            return answer.status_code == 404
        case "f":
            return answer.status_code == 403
        case _:
            return answer.status_code in {401, 403, 404}


@pytest.mark.timeout(600)
async def test_every_route_answers_every_role_as_the_contract_says(world: World) -> None:
    wrong = []
    for call in calls():
        for role in ROLES:
            for thing in world.things:
                told = call.of(role, thing.relation)
                if not is_asked(call, role, thing.relation):
                    continue
                answer = await world.ask(role, call, thing)
                if not fits(answer, told):
                    what = f"{answer.status_code}, not {told}: {answer.text[:100]}"
                    wrong.append(f"{role} {call.method} {call.path} {thing.relation}: {what}")

    assert not wrong, "\n".join(wrong)


def comparable(answer: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """All that a caller is told, but for the number of the request."""
    kept = {"x-request-id", "date", "server-timing"}
    told = [(name, value) for name, value in answer.headers.items() if name not in kept]
    return answer.status_code, answer.content, sorted(told)


@pytest.mark.timeout(600)
async def test_what_is_somebody_elses_is_told_as_what_is_not_there_in_the_same_steps(
    world: World, taken: list[str]
) -> None:
    """Byte for byte, by the same statements in their order: nobody can tell them by the time."""
    hidden, wrong = 0, []
    for call in calls():
        for role in ROLES:
            for thing in world.things:
                if call.of(role, thing.relation) != "n" or call.path.endswith("/exchange"):
                    continue
                hidden += 1
                nothing = of_nothing(call, thing)
                theirs = await told_in_steps(world, role, call, thing, taken)
                nobodys = await told_in_steps(world, role, call, nothing, taken)
                if theirs != nobodys:  # what is done beside the requests may have got in between
                    theirs = await told_in_steps(world, role, call, thing, taken)
                    nobodys = await told_in_steps(world, role, call, nothing, taken)
                if theirs != nobodys:
                    told = f"{shortly(theirs)}, nothing {shortly(nobodys)}"
                    wrong.append(f"{role} {call.method} {call.path} {thing.relation}: {told}")

    assert not wrong, "\n".join(wrong)
    assert hidden > 150


Told = tuple[tuple[int, bytes, list[tuple[str, str]]], list[str]]
"""An answer, and the steps that it took."""


def shortly(told: Told) -> str:
    (status, content, _), steps = told
    return f"{status} {content[:40]!r} in {[' '.join(step.split())[:50] for step in steps]}"


async def told_in_steps(
    world: World, role: str, call: Call, thing: Thing, taken: list[str]
) -> Told:
    """Who a subject is here is remembered for a second, so that it is not asked each time."""
    taken.clear()
    answer = await world.ask(role, call, thing)
    return comparable(answer), [each for each in taken if "accounts" not in each]


def of_nothing(call: Call, thing: Thing) -> Thing:
    """What the path names does not exist; or whom the body names, where the path names nothing."""
    named = set(PARAMETER.findall(call.path)) or {"patient_id"}
    ids = {name: uuid4() if name in named else each for name, each in thing.ids.items()}
    return replace(thing, ids=ids)


async def test_no_token_and_a_bad_one_are_told_to_sign_in_at_every_route(world: World) -> None:
    own = world.things[0]
    bad = ("", "x.y.z", "a" * 10_240)
    api = [call for call in calls() if call.path.startswith("/api/")]

    told = {
        (answer.status_code, answer.headers.get("www-authenticate"))
        for call in api
        for token in bad
        for answer in [
            await world.http.request(
                call.method,
                own.path(call.path),
                headers={"authorization": f"Bearer {token}"} if token else {},
            )
        ]
    }

    assert told == {(401, "Bearer")}


def test_open_to_whoever_asks_is_what_the_contract_names_and_nothing_else() -> None:
    is_open = {
        f"{method} {route.path}"
        for route, action in permissions_of(describe_only())
        if action is Action.LOOK_AROUND
        for method in route.methods or ()
    }

    assert is_open == OPEN


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/calendar/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.ics"),
        ("GET", "/v/AAAAAAAA"),
        ("GET", "/v/AAAAAAAA/times"),
        ("POST", "/v/AAAAAAAA"),
        ("POST", "/api/v1/receipts/email"),
        ("POST", "/api/v1/sms/inbound"),
    ],
)
async def test_a_secret_that_nobody_gave_out_opens_nothing(
    world: World, method: str, path: str
) -> None:
    headers = {"origin": str(world.http.base_url).rstrip("/")}
    answer = await world.http.request(method, path, headers=headers, json={})

    assert 400 <= answer.status_code < 500, answer.text
    assert not [
        each for thing in world.things for each in thing.ids.values() if str(each) in answer.text
    ]
