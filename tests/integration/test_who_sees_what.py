"""Every route, asked by every role about a thing of its own, a proxied one, a stranger's."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import httpx
import orjson
import pytest

from api.http.problems import problem_of
from domain.errors import AppointmentNotFound
from tests.clinic_rows import Clinic
from tests.fakes.issuer import FakeIssuer
from tests.integration.rights import RELATIONS, ROLES, Call
from tests.integration.world import PARAMETER, Thing, World, a_world, calls

HELD_BACK = ("/stream", "/proxies/{proxy_id}", "/imports", "/notifications", "/read", "/unread")
"""Not asked by those who may: these never end, or are told 404 of a further thing."""


@pytest.fixture
async def world(
    signed_in_api: str, issuer: FakeIssuer, clinic: Clinic, cache_url: str
) -> AsyncIterator[World]:
    async with a_world(signed_in_api, issuer, clinic, cache_url) as it:
        yield it


def is_asked(call: Call, role: str, relation: str) -> bool:
    """What is the same whatever the thing is asked about of one's own alone."""
    told = call.of(role, relation)
    is_same = call.of_all(role) in {"ffff", "yyyy", "xxxx"} and relation != RELATIONS[0]
    return told != "?" and not is_same and not (told == "y" and call.path.endswith(HELD_BACK))


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


def told_of_nothing() -> bytes:
    return orjson.dumps(problem_of(AppointmentNotFound()).document())


@pytest.mark.timeout(600)
async def test_what_is_somebody_elses_is_told_byte_for_byte_as_what_is_not_there(
    world: World,
) -> None:
    hidden, wrong = 0, []
    for call in calls():
        for role in ROLES:
            for thing in world.things:
                if call.of(role, thing.relation) != "n":
                    continue
                hidden += 1
                theirs = comparable(await world.ask(role, call, thing))
                if "{appointment_id}" in call.path and call.path.startswith("/api/"):
                    # of none the run is asked, and Temporal is away
                    if theirs[:2] != (404, told_of_nothing()):
                        wrong.append(f"{role} {call.method} {call.path} {thing.relation}: {theirs}")
                    continue
                if "{appointment_id}" in call.path or call.path.endswith("/exchange"):
                    continue
                nobodys = comparable(await world.ask(role, call, of_nothing(call, thing)))
                if theirs != nobodys:
                    told = f"{theirs} {nobodys}"
                    wrong.append(f"{role} {call.method} {call.path} {thing.relation}: {told}")

    assert not wrong, "\n".join(wrong)
    assert hidden > 100


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
