"""Two clinics, a thing of each relation with what belongs to it, one person of each role."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import httpx

from adapters.oidc.tokens import Claims
from adapters.redis.cache import connect_redis
from adapters.redis.sessions import SessionStore
from api.describe import describe_only
from api.http.actor import permissions_of
from api.sign_in.sessions import COOKIE, Sessions
from domain.actors import Actor, Role
from domain.permissions import Action
from tests.clinic_rows import Clinic, at, open_clinic
from tests.fakes.issuer import FakeIssuer
from tests.integration.rights import RELATIONS, Call, row_of

PARAMETER = re.compile(r"\{(\w+)\}")
OFF_THE_GRID = "2030-01-14T07:07:00Z"
"""Whoever may hold is refused before a run is begun, which nobody here would answer."""

STALE = 99
"""A version that nothing has: whoever may is told that it has changed, and nothing is."""

WALL = {"from": "2001-01-01T09:00", "until": "2001-01-01T10:00"}
"""Whoever may take time away is told that it is over."""


@dataclass(frozen=True, kw_only=True)
class Thing:
    """A visit, and what belongs to its patient, its doctor and its clinic."""

    relation: str
    ids: dict[str, UUID]

    def path(self, template: str) -> str:
        named = self.ids | PLAIN
        return PARAMETER.sub(lambda found: str(named.get(found[1], uuid4())), template)


@dataclass(frozen=True, kw_only=True)
class World:
    http: httpx.AsyncClient
    tokens: dict[str, str]
    cookies: dict[str, str]
    things: list[Thing]

    async def ask(self, role: str, call: Call, thing: Thing) -> httpx.Response:
        """By token of the API, by session of the pages, on which one says first for whom."""
        if role == Role.PATIENT.value and not call.path.startswith(("/api/", "/acting-for")):
            chosen = thing if thing.relation in RELATIONS[:2] else self.things[0]
            await self._sent_as(role, CHOOSE, chosen)
        return await self._sent_as(role, call, thing)

    async def _sent_as(self, role: str, call: Call, thing: Thing) -> httpx.Response:
        query = QUERIES.get(call.path, "")
        path = thing.path(call.path + query.replace("<", "{").replace(">", "}"))
        if call.path.startswith(("/api/", "/metrics")):
            headers = {"authorization": f"Bearer {self.tokens[role]}"}
        else:
            headers = {
                "cookie": f"{COOKIE}={self.cookies[role]}",
                "origin": str(self.http.base_url),
            }
            headers["origin"] = headers["origin"].rstrip("/")
        return await self.http.request(
            call.method, path, headers=headers, **self._sent(call, thing)
        )

    def _sent(self, call: Call, thing: Thing) -> dict[str, Any]:
        if call.method in {"GET", "DELETE"}:
            return {}
        other = self.things[0] if thing is self.things[2] else self.things[2]
        if not call.path.startswith("/api/"):
            named = {"patient": thing.ids["patient_id"], "doctor": thing.ids["doctor_id"]}
            named["other"] = other.ids[
                "patient_id" if call.path.endswith("/proxies") else "appointment_id"
            ]
            form = FORM | {name: str(each) for name, each in named.items()}
            if call.path == "/reception/hours":
                form |= HOURS | {"doctorId": str(thing.ids["doctor_id"])}
            return {"data": form}
        if call.path == "/api/v1/appointments/exchange":
            seen = [
                {"id": str(each.ids["appointment_id"]), "version": STALE} for each in (thing, other)
            ]
            return {"json": dict(zip(("first", "second"), seen, strict=True))}
        return {"json": body_of(call, {name: str(each) for name, each in thing.ids.items()})}


FORM = {
    "version": str(STALE),
    "reason": "mistake",
    "mark": "arrive",
    "at": OFF_THE_GRID,
    "date": "2030-01-14",
    "other_version": str(STALE),
    "back": "/",
    "fullName": "Anna Somebody",
    "email": "s@example.org",
    "language": "en",
    "kind": "cancelled",
    "channel": "email",
    "consent": "given",
}
HOURS = {"from": "09:00", "until": "10:00", "reason": "other"}
PLAIN = {"pace": "pause"}
"""What a path names that is no thing."""

AN_HOUR = 3_600
"""Seconds that a token is good for: all routes are asked with it, on a slow machine for minutes."""

CHOOSE = Call(method="POST", path="/acting-for", row=("",) * 5)
QUERIES = {
    "/api/v1/patients": "?q=nobody-is-called-so",
    "/reception/stream": "?clinic=<clinic_id>&date=2030-01-14",
    "/doctor/{doctor_id}/stream": "?date=2030-01-14",
    "/visits/{appointment_id}/move/to": f"?doctor=<doctor_id>&at={OFF_THE_GRID}",
    "/reception/visits/{appointment_id}/attendance": f"?version={STALE}",
    "/api/v1/imports": "?clinicId=<clinic_id>",
}


def body_of(call: Call, ids: dict[str, str]) -> dict[str, object]:
    """One that the route takes, and that changes nothing."""
    version: dict[str, object] = {"version": STALE}
    exact: dict[str, dict[str, object]] = {
        "/api/v1/appointments": {
            "patientId": ids["patient_id"],
            "doctorId": ids["doctor_id"],
            "dateTime": OFF_THE_GRID,
        },
        "/api/v1/patients": {
            "fullName": "Anna Somebody",
            "email": "s@example.org",
            "language": "en",
        },
        "/api/v1/patients/{patient_id}": {"language": "en", **version},
        "/api/v1/clinics": {"name": "C", "address": "S", "timeZone": "Europe/Moscow", "phone": ""},
        "/api/v1/clinics/{clinic_id}": version,
        "/api/v1/doctors": {
            "fullName": "Dr Kim",
            "specialty": "surgeon",
            "clinicId": ids["clinic_id"],
            "slotMinutes": 30,
        },
        "/api/v1/doctors/{doctor_id}": version,
        "/api/v1/services": {
            "clinicId": ids["clinic_id"],
            "specialty": "surgeon",
            "name": "Visit",
            "minutes": 30,
            "selfBookable": True,
        },
        "/api/v1/services/{service_id}": version,
    }
    ends: dict[str, dict[str, object]] = {
        "confirm": {},
        "cancel": version,
        "extend": version,
        "reschedule": {"dateTime": OFF_THE_GRID, **version},
        "merge": {"into": ids["patient_id"]},
        "proxies": {"subject": "aunt"},
        "consents": {"kind": "cancelled", "channel": "email", "consent": "given"},
        "plan": {"effectiveFrom": "2030-01-01", "weekly": [], **version},
        "draft": {"effectiveFrom": "2030-01-01", "weekly": [], **version},
        "exceptions": {"kind": "remove", "reason": "other", "policy": "call_list", **WALL},
        "rules": {},
        "arrive": version,
        "complete": version,
        "no-show": version,
        "undo-attendance": version,
    }
    return exact.get(call.path) or ends.get(call.path.rpartition("/")[2], {})


def calls() -> list[Call]:
    """Every route that is not open to whoever asks, with what the contract says of it."""
    found = []
    for route, action in permissions_of(describe_only()):
        if action is not Action.LOOK_AROUND:
            for method in sorted(route.methods or ()):
                row = row_of(method, path := route.path or "")
                assert row is not None, f"{method} {path}: rights.py does not say who may"
                found.append(Call(method=method, path=path, row=row))
    return found


async def thing_of(clinic: Clinic, relation: str, patient: UUID, clock: str) -> Thing:
    practitioner = uuid4()
    doctor = await clinic.hire(practitioner_id=practitioner)
    await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=doctor)
    visit = await clinic.hold(at(clock), doctor_id=doctor, patient_id=patient)
    await clinic.becomes(visit, "confirmed")
    names = ("service_id", "exception_id", "campaign_id", "import_id")
    made = {name: uuid4() for name in names}
    for statement in SETUP:
        await clinic.execute(statement, **made, clinic=clinic.id, doctor=doctor)
    ids = {"appointment_id": visit, "patient_id": patient, "doctor_id": doctor}
    belongs = {"clinic_id": clinic.id, "practitioner_id": practitioner}
    return Thing(relation=relation, ids=ids | belongs | made)


SETUP = (
    (
        "INSERT INTO services (id, clinic_id, specialty, name, minutes)"
        " VALUES (:service_id, :clinic, 'surgeon', 'Visit', 30)"
    ),
    (
        "INSERT INTO exceptions (id, clinic_id, doctor_id, kind, wall_from, wall_until, reason)"
        " VALUES (:exception_id, :clinic, :doctor, 'remove', '2001-01-01', '2001-01-02', 'other')"
    ),
    (
        "INSERT INTO campaigns"
        " (id, clinic_id, doctor_id, exception_id, digest, policy, seen_version)"
        " VALUES (:campaign_id, :clinic, :doctor, :exception_id, gen_random_uuid(), 'call_list', 1)"
    ),
    (
        "INSERT INTO imports (id, clinic_id, kind, dry_run, actor, report, done_at)"
        " VALUES (:import_id, :clinic, 'text/csv', true, '{}', '{}', clock_timestamp())"
    ),
)


@asynccontextmanager
async def a_world(
    url: str, issuer: FakeIssuer, clinic: Clinic, cache_url: str
) -> AsyncIterator[World]:
    elsewhere = await open_clinic(clinic.database)
    anna, child, stranger, another = [await clinic.patient() for _ in range(4)]
    await clinic.execute(
        "INSERT INTO proxies (id, patient_id, proxy_patient_id) VALUES (:id, :child, :anna)",
        id=uuid4(),
        child=child,
        anna=anna,
    )
    places = ((clinic, anna, "09:00"), (clinic, child, "09:30"), (clinic, stranger, "10:00"))
    things = [
        await thing_of(where, relation, patient, clock)
        for relation, (where, patient, clock) in zip(
            RELATIONS, (*places, (elsewhere, another, "10:00")), strict=True
        )
    ]
    nobody = Actor(subject="", roles=frozenset())
    at_clinic = replace(nobody, clinic_ids=frozenset({clinic.id}))
    people = {
        Role.PATIENT: replace(nobody, patient_id=anna),
        Role.RECEPTION: at_clinic,
        Role.DOCTOR: replace(nobody, practitioner_id=things[0].ids["practitioner_id"]),
        Role.MANAGER: at_clinic,
        Role.OPERATIONS: nobody,
    }
    tokens, cookies = {}, {}
    async with aclosing(connect_redis(cache_url, name="test")) as redis:
        for role, actor in people.items():
            claims = _claims(role, actor)
            tokens[role.value] = _token(issuer, claims)
            cookies[role.value] = await Sessions(SessionStore(redis)).begin(claims, "an id token")
    root = url.removesuffix("/api/v1")
    async with httpx.AsyncClient(base_url=root, timeout=20) as http:
        yield World(http=http, tokens=tokens, cookies=cookies, things=things)


def _claims(role: Role, actor: Actor) -> Claims:
    return Claims(
        subject=f"{role}-{uuid4()}",
        roles=frozenset({role}),
        expires_at=0.0,
        patient_id=actor.patient_id,
        practitioner_id=actor.practitioner_id,
        clinic_ids=actor.clinic_ids,
    )


def _token(issuer: FakeIssuer, claims: Claims) -> str:
    told: dict[str, Any] = {"clinic_ids": [str(each) for each in claims.clinic_ids]}
    if claims.patient_id:
        told["patient_id"] = str(claims.patient_id)
    if claims.practitioner_id:
        told["practitioner_id"] = str(claims.practitioner_id)
    told["exp"] = int(time.time()) + AN_HOUR
    return issuer.token(
        "e1", sub=claims.subject, roles=[each.value for each in claims.roles], **told
    )
