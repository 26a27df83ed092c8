"""What sign-in costs a request, in turns in one run: `-m long -s`, on a quiet machine.

Beside the stack's own API it starts one where nobody signs in, one where everybody does, and one
that counts requests as well; an issuer of its own signs the tokens. They take turns at the same
reads and the same bookings, A B C, then C B A. Prints CPU-ms a request of each, and the difference.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jwt
import psutil
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

from bench.clinic import Clinic
from bench.free_slots import Wish
from bench.http import Answer, Connection
from bench.processes import cpu_seconds
from bench.readers import read
from stack.embedded import running
from stack.ports import LOOPBACK, Ports
from stack.probes import http_answers
from stack.program import Program
from tests.acceptance.measuring import measured_stack

OFF, ON, COUNTED = "sign-in off", "sign-in on", "on, and counted"
MOST = "1000000,1000000"
"""So many that nobody is refused."""
SETTINGS = {
    OFF: {"PRIYOM_SIGN_IN": "off"},
    ON: {"PRIYOM_SIGN_IN": "on", "PRIYOM_RATE_LIMIT": "off"},
    COUNTED: {"PRIYOM_SIGN_IN": "on", "PRIYOM_RATE_LIMIT": MOST},
}
KNOWN, NEW, BOOKINGS = "reads, token known", "reads, token new", "holds and confirms"
READERS, PATIENTS = 8, 40
ROUNDS, SECONDS = 5, 2.0
AT_MOST = 0.3
"""CPU-ms."""

NEW_TOKENS = 4000
"""More than are asked for in a turn, so that each is seen once; more than the API remembers."""


class Issuer:
    """Signs access tokens, and shows its key to whoever asks."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._signed = 0

    def token(self, patient_id: str) -> str:
        """Another one each time."""
        self._signed += 1
        claims = {
            "iss": self.url,
            "aud": "priyom",
            "sub": f"patient {patient_id}",
            "exp": int(time.time()) + 36_000,
            "jti": str(self._signed),
            "roles": ["patient"],
            "patient_id": patient_id,
        }
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": "bench"})

    async def discovery(self, _: web.Request) -> web.Response:
        return web.json_response({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})

    async def keys(self, _: web.Request) -> web.Response:
        public = json.loads(str(jwt.algorithms.ECAlgorithm.to_jwk(self._key.public_key())))
        return web.json_response({"keys": [{**public, "kid": "bench", "use": "sig"}]})


@asynccontextmanager
async def issuing(ports: Ports) -> AsyncIterator[Issuer]:
    port = ports.take()
    issuer = Issuer(f"http://{LOOPBACK}:{port}")
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", issuer.discovery)
    app.router.add_get("/keys", issuer.keys)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port).start()
    yield issuer
    await runner.cleanup()


@dataclass(frozen=True, kw_only=True)
class Side:
    """One API process."""

    name: str
    url: str
    pid: int


@asynccontextmanager
async def serving(clinic: Clinic, name: str, issuer: Issuer, ports: Ports) -> AsyncIterator[Side]:
    port = ports.take()
    first = psutil.Process(clinic.state["pids"]["api"] or 0).environ()
    program = Program(
        name=f"api-{port}",
        argv=[sys.executable, "-m", "api"],
        env={
            **first,
            **SETTINGS[name],
            "PRIYOM_OIDC_ISSUER": issuer.url,
            "PRIYOM_OIDC_AUDIENCE": "priyom",
            "PRIYOM_API_PORT": str(port),
            "PRIYOM_API_PROCESSES": "1",
        },
        ready=partial(http_answers, f"http://{LOOPBACK}:{port}/readyz"),
        port=port,
        grace=20,
    )
    async with running(program, clinic.home.root / "logs") as process:
        yield Side(name=name, url=f"http://{LOOPBACK}:{port}", pid=process.pid)


@dataclass(kw_only=True)
class Turns:
    """The same work for each side; CPU-ms a request, by what was asked and of whom."""

    issuer: Issuer
    patients: list[str]
    wishes: list[Wish]
    known: dict[str, str] = field(default_factory=dict)
    taken: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    async def take(self, side: Side) -> None:
        for patient in self.patients:
            self.known.setdefault(patient, self.issuer.token(patient))
        known = [self._read(patient, self.known[patient]) for patient in self.patients]
        await read(side.url, known, connections=READERS, seconds=0.5)
        await self._reads(side, KNOWN, known)
        fresh = [
            self._read(patient, self.issuer.token(patient))
            for patient in self.patients * (NEW_TOKENS // len(self.patients))
        ]
        await self._reads(side, NEW, fresh)
        await self._bookings(side)

    async def _reads(self, side: Side, what: str, requests: list[bytes]) -> None:
        before = cpu_seconds(side.pid)
        told = await read(side.url, requests, connections=READERS, seconds=SECONDS)
        self._note(side, what, cpu_seconds(side.pid) - before, told.reads)
        if told.by_status.keys() != {200}:
            raise RuntimeError(f"{side.name}, {what}: answered {told.by_status}")

    async def _bookings(self, side: Side) -> None:
        before, asked, ends = cpu_seconds(side.pid), 0, time.perf_counter() + SECONDS

        async def user() -> int:
            connection, requests = Connection(side.url), 0
            while time.perf_counter() < ends:
                wish = self.wishes.pop()
                held = await self._sent(connection, wish, "", held_for(wish))
                if held.status == 201:
                    place = f"/{held.body['appointmentId']}/confirm"
                    await self._sent(connection, wish, place, None)
                    requests += 1
                requests += 1
            await connection.close()
            return requests

        asked = sum(await asyncio.gather(*(user() for _ in range(READERS))))
        self._note(side, BOOKINGS, cpu_seconds(side.pid) - before, asked)

    async def _sent(
        self, connection: Connection, wish: Wish, place: str, body: dict[str, str] | None
    ) -> Answer:
        token = self.known.setdefault(wish[0], self.issuer.token(wish[0]))
        headers = {"authorization": f"Bearer {token}"}
        return await connection.request("POST", f"/api/v1/appointments{place}", body, headers)

    def _note(self, side: Side, what: str, cpu: float, requests: int) -> None:
        self.taken.setdefault((what, side.name), []).append(cpu * 1000 / requests)

    @staticmethod
    def _read(patient: str, token: str) -> bytes:
        path = f"/api/v1/patients/{patient}/appointments"
        head = f"GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n"
        return head.encode()


def held_for(wish: Wish) -> dict[str, str]:
    patient, doctor, instant = wish
    return {"patientId": patient, "doctorId": doctor, "dateTime": instant}


def cost(turns: Turns, what: str, name: str) -> float:
    return statistics.median(turns.taken[what, name])


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_sign_in_costs_a_request_little(tmp_path: Path) -> None:
    """By a token that was seen before; what a token costs at first sight is printed."""
    ports = Ports()
    async with AsyncExitStack() as things:
        things.callback(ports.release)
        clinic = await things.enter_async_context(measured_stack(tmp_path / "home"))
        issuer = await things.enter_async_context(issuing(ports))
        sides = [
            await things.enter_async_context(serving(clinic, name, issuer, ports))
            for name in SETTINGS
        ]
        rows: list[Any] = await clinic.rows("SELECT id::text FROM patients LIMIT %s", PATIENTS)
        turns = Turns(
            issuer=issuer, patients=[row[0] for row in rows], wishes=await clinic.wishes()
        )
        for number in range(ROUNDS):
            for side in sides if number % 2 else reversed(sides):
                await turns.take(side)

    for what in (KNOWN, NEW, BOOKINGS):
        for name in SETTINGS:
            ms = cost(turns, what, name)
            more = ms - cost(turns, what, OFF)
            print(f"{what:<20} {name:<16} {ms:6.3f} CPU-ms a request ({more:+.3f})")
    assert cost(turns, KNOWN, ON) - cost(turns, KNOWN, OFF) <= AT_MOST
