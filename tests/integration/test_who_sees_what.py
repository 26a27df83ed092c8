"""Every route, asked by every role about a thing of its own, a proxied one, a stranger's."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest

from api.describe import describe_only
from api.http.actor import permissions_of
from api.http.problems import problem_of
from domain.actors import Actor, Role
from domain.errors import AppointmentNotFound
from domain.permissions import Action, Allowed, Forbidden, Whose, may
from tests.clinic_rows import Clinic, at, open_clinic
from tests.fakes.issuer import FakeIssuer

pytestmark = pytest.mark.unmeasured

PARAMETER = re.compile(r"\{(\w+)\}")
NAMES = {"appointment_id", "patient_id", "doctor_id", "proxy_id", "notification_id"}
BODIES: dict[str, dict[str, object]] = {
    "confirm": {},
    "cancel": {},
    "extend": {"version": 1},
    "reschedule": {"version": 1, "dateTime": "2030-01-14T07:00:00Z"},
    "merge": {"into": str(uuid4())},
    "erase": {},
    "proxies": {"subject": "aunt"},
    "consents": {"kind": "cancelled", "channel": "email", "consent": "given"},
    "{patient_id}": {"language": "en", "version": 1},
    "read": {},
    "unread": {},
    "{proxy_id}": {},
}


@dataclass(frozen=True, kw_only=True)
class Thing:
    """A visit with all that belongs to it, and whose it is."""

    relation: str
    visit: UUID
    doctor: UUID
    whose: Whose

    def path(self, template: str) -> str:
        ids = {
            "appointment_id": self.visit,
            "patient_id": self.whose.patient_id,
            "doctor_id": self.doctor,
        }
        return PARAMETER.sub(lambda found: str(ids.get(found[1], uuid4())), template)


@dataclass(frozen=True, kw_only=True)
class World:
    """Two clinics, four visits, and one person of each role."""

    http: httpx.AsyncClient
    tokens: dict[Role, str]
    people: dict[Role, Actor]
    things: list[Thing]

    async def ask(self, role: Role, method: str, path: str, body: object) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.tokens[role]}"}
        sent = body if method in {"POST", "PATCH"} else None
        return await self.http.request(method, path, json=sent, headers=headers)


def routes() -> list[tuple[str, str, Action]]:
    """Those about one thing that this world knows of, with the permission that each states."""
    found: list[tuple[str, str, Action]] = []
    for route, action in permissions_of(describe_only()):
        path = (route.path or "").removeprefix("/api/v1")
        names = set(PARAMETER.findall(path))
        if action is Action.LOOK_AROUND or path == route.path or not names or names - NAMES:
            continue
        is_known = path.rpartition("/")[2] in BODIES
        methods = sorted(route.methods or ())
        found += [(method, path, action) for method in methods if method == "GET" or is_known]
    return found


async def visit_of(clinic: Clinic, relation: str, patient: UUID, clock: str) -> Thing:
    practitioner = uuid4()
    doctor = await clinic.hire(practitioner_id=practitioner)
    await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=doctor)
    visit = await clinic.hold(at(clock), doctor_id=doctor, patient_id=patient)
    await clinic.becomes(visit, "confirmed")
    whose = Whose(patient_id=patient, practitioner_id=practitioner, clinic_id=clinic.id)
    return Thing(relation=relation, visit=visit, doctor=doctor, whose=whose)


@pytest.fixture
async def world(signed_in_api: str, issuer: FakeIssuer, clinic: Clinic) -> AsyncIterator[World]:
    elsewhere = await open_clinic(clinic.database)
    anna, child, stranger, another = [await clinic.patient() for _ in range(4)]
    await clinic.execute(
        "INSERT INTO proxies (id, patient_id, proxy_patient_id) VALUES (:id, :child, :anna)",
        id=uuid4(),
        child=child,
        anna=anna,
    )
    things = [
        await visit_of(clinic, "own", anna, "09:00"),
        await visit_of(clinic, "proxied", child, "09:30"),
        await visit_of(clinic, "same clinic", stranger, "10:00"),
        await visit_of(elsewhere, "other clinic", another, "10:00"),
    ]
    own, clinics = things[0].whose.practitioner_id, frozenset({clinic.id})
    people = {
        Role.PATIENT: Actor(
            subject="", roles=frozenset(), patient_id=anna, proxy_for=frozenset({child})
        ),
        Role.RECEPTION: Actor(subject="", roles=frozenset(), clinic_ids=clinics),
        Role.DOCTOR: Actor(subject="", roles=frozenset(), practitioner_id=own),
        Role.MANAGER: Actor(subject="", roles=frozenset(), clinic_ids=clinics),
        Role.OPERATIONS: Actor(subject="", roles=frozenset()),
    }
    people = {
        role: replace(actor, subject=f"{role}-{uuid4()}", roles=frozenset({role}))
        for role, actor in people.items()
    }
    tokens = {role: token_of(issuer, role, actor) for role, actor in people.items()}
    async with httpx.AsyncClient(base_url=signed_in_api, timeout=20) as http:
        yield World(http=http, tokens=tokens, people=people, things=things)


def token_of(issuer: FakeIssuer, role: Role, actor: Actor) -> str:
    claims: dict[str, Any] = {"clinic_ids": [str(each) for each in actor.clinic_ids]}
    if actor.patient_id:
        claims["patient_id"] = str(actor.patient_id)
    if actor.practitioner_id:
        claims["practitioner_id"] = str(actor.practitioner_id)
    return issuer.token("e1", sub=actor.subject, roles=[role.value], **claims)


def comparable(answer: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """All that a caller is told, but for the number of the request."""
    kept = {"x-request-id", "date", "server-timing"}
    told = [(name, value) for name, value in answer.headers.items() if name not in kept]
    return answer.status_code, answer.content, sorted(told)


async def test_every_route_answers_every_role_as_the_table_says(world: World) -> None:
    wrong = []
    for method, path, action in routes():
        body = BODIES.get(path.rpartition("/")[2])
        for role, actor in world.people.items():
            for thing in world.things:
                expected = may(actor, action, thing.whose)
                if isinstance(expected, Allowed) and (method != "GET" or path.endswith("stream")):
                    continue
                answer = await world.ask(role, method, thing.path(path), body)
                status = 200 if isinstance(expected, Allowed) else 404
                status = 403 if isinstance(expected, Forbidden) else status
                if answer.status_code != status:
                    told = f"{answer.status_code}, not {status}"
                    wrong.append(f"{role} {method} {path} {thing.relation}: {told}")

    assert not wrong, "\n".join(wrong)


def told_of_nothing() -> bytes:
    return orjson.dumps(problem_of(AppointmentNotFound()).document())


async def test_what_is_somebody_elses_is_told_byte_for_byte_as_what_is_not_there(
    world: World,
) -> None:
    hidden, wrong = 0, []
    nothing = Thing(relation="none", visit=uuid4(), doctor=uuid4(), whose=Whose(patient_id=uuid4()))
    for method, path, action in routes():
        body = BODIES.get(path.rpartition("/")[2])
        for role, actor in world.people.items():
            for thing in world.things:
                if isinstance(may(actor, action, thing.whose), Allowed | Forbidden):
                    continue
                hidden += 1
                theirs = comparable(await world.ask(role, method, thing.path(path), body))
                if "{appointment_id}" in path:  # of none the run is asked, and Temporal is away
                    if theirs[:2] != (404, told_of_nothing()):
                        wrong.append(f"{role} {method} {path} {thing.relation}: {theirs}")
                    continue
                nobodys = comparable(await world.ask(role, method, nothing.path(path), body))
                if theirs != nobodys:
                    wrong.append(f"{role} {method} {path} {thing.relation}: {theirs} {nobodys}")

    assert hidden > 50
    assert not wrong, "\n".join(wrong)


async def test_no_token_and_a_bad_one_are_told_to_sign_in_at_every_route(world: World) -> None:
    own = world.things[0]
    bad = [{}, {"authorization": "Bearer x.y.z"}, {"authorization": f"Bearer {'a' * 10_240}"}]

    told = {
        (answer.status_code, answer.headers.get("www-authenticate"))
        for method, path, _ in routes()
        for headers in bad
        for answer in [await world.http.request(method, own.path(path), headers=headers)]
    }

    assert told == {(401, "Bearer")}
