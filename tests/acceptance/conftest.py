"""The whole stack, as a newcomer starts it, and what a test does with it from outside."""

import asyncio
import gc
import itertools
import os
import signal
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row
from temporalio.client import Client

from adapters.process.payload_keys import payload_keys_of
from stack import run_state
from stack.control import Request, ask
from stack.embedded import whole_stack
from stack.home import CHECKOUT, Home
from stack.ports import Ports
from stack.run_state import RunState
from tests.payload_keys import as_stored

AUDIT_SECONDS = 20
"""Oftener than a clinic's 60: an audit leaves alone what is younger than a quarter of this."""
SECRET = "t" * 32
"""What the ids of appointments are made of, also in the other processes of the API."""
SEALED_WITH = f"acceptance:{b64encode(b'k' * 32).decode()}"
"""This stack seals its payloads; those of the faults and of the browser have plain ones."""

PAYLOAD_KEYS = payload_keys_of(SEALED_WITH)
SETTINGS = {
    "PRIYOM_PAYLOAD_KEYS": SEALED_WITH,
    "PRIYOM_LOG_FORMAT": "json",
    "PRIYOM_AUDIT_SECONDS": str(AUDIT_SECONDS),
    "PRIYOM_REMIND_SECONDS": "5",
    "PRIYOM_SECRET": SECRET,
    "PRIYOM_RECEIPTS_KEY": "r" * 32,
    "PRIYOM_SMS_ANSWERS": "on",
}


@dataclass(frozen=True)
class Slot:
    """A free slot of a doctor, as the day schedule shows it."""

    doctor_id: str
    starts_at: str


@dataclass
class Clinic:
    """The running product: its API, its database, its mailbox, its processes."""

    home: Path
    state: RunState
    http: httpx.AsyncClient
    patients: list[str]
    slots: dict[str, list[Slot]] = field(default_factory=dict)
    soonest: timedelta = timedelta(hours=3)
    """What begins sooner is left out: near midnight, tomorrow has begun in the east."""

    def patient(self) -> str:
        """Another patient each time, so that nobody's earlier visit stands in a test's way."""
        return self.patients.pop()

    async def free_slot(self) -> Slot:
        """A free slot that no other test is given; days further away are left to crowds."""
        return (await self.free_slots(1))[0]

    async def free_slots(self, count: int) -> list[Slot]:
        """Slots of as many doctors and days as it takes."""
        if not self.slots:
            await self._survey()
        taken: list[Slot] = []
        for doctor in itertools.cycle(list(self.slots)):
            if len(taken) == count:
                return taken
            if self.slots[doctor]:
                taken.append(self.slots[doctor].pop(0))
            assert any(self.slots.values()), "the demo clinic has no free slot left"
        raise AssertionError

    async def _survey(self) -> None:
        now = datetime.now(UTC)
        listed = await self.http.get("/api/v1/doctors", params={"limit": 100})
        for doctor in listed.json()["items"]:
            free = [
                Slot(doctor["doctorId"], slot["dateTime"])
                for ahead in range(1, 13)
                for slot in await self.day(doctor["doctorId"], f"{now + timedelta(ahead):%Y-%m-%d}")
                if slot["state"] == "free"
                and datetime.fromisoformat(slot["dateTime"]) > now + self.soonest
            ]
            self.slots[doctor["doctorId"]] = free

    async def day(self, doctor_id: str, date: str) -> list[dict[str, Any]]:
        answer = await self.http.get(f"/api/v1/doctors/{doctor_id}/schedule", params={"date": date})
        slots: list[dict[str, Any]] = answer.json()["slots"]
        return slots

    async def state_of(self, slot: Slot) -> str:
        """What everybody sees of this slot now: free, held or booked.

        Its day is the clinic's local one, which may be the UTC date's neighbour.
        """
        day = datetime.fromisoformat(slot.starts_at)
        for date in (day, day - timedelta(days=1), day + timedelta(days=1)):
            for seen in await self.day(slot.doctor_id, date.date().isoformat()):
                if seen["dateTime"] == slot.starts_at:
                    return str(seen["state"])
        raise AssertionError(f"{slot} is not listed")

    async def book(
        self, slot: Slot, *, patient: str | None = None, key: str | None = None
    ) -> httpx.Response:
        return await self.http.post(
            "/api/v1/appointments",
            json={
                "patientId": patient or self.patient(),
                "doctorId": slot.doctor_id,
                "dateTime": slot.starts_at,
            },
            headers={} if key is None else {"Idempotency-Key": key},
        )

    async def hold(self, slot: Slot | None = None, *, patient: str | None = None) -> str:
        """The id of an appointment that is held now."""
        held = await self.book(slot or await self.free_slot(), patient=patient)
        assert held.status_code == 201, held.text
        return str(held.json()["appointmentId"])

    async def confirm(self, appointment_id: str) -> httpx.Response:
        return await self.http.post(f"/api/v1/appointments/{appointment_id}/confirm")

    async def cancel(self, appointment_id: str, **body: str) -> httpx.Response:
        return await self.http.post(f"/api/v1/appointments/{appointment_id}/cancel", json=body)

    async def get(self, appointment_id: str) -> dict[str, Any]:
        answer = await self.http.get(f"/api/v1/appointments/{appointment_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        url = self.state["databaseUrl"]
        assert url is not None
        connection = await psycopg.AsyncConnection.connect(url, row_factory=dict_row)
        async with connection:
            return await (await connection.execute(query, values)).fetchall()

    async def messages(self, **query: str) -> list[dict[str, Any]]:
        async with httpx.AsyncClient(base_url=self.state["mailbox"] or "") as mailbox:
            found: list[dict[str, Any]] = (await mailbox.get("/messages", params=query)).json()
            return found

    async def messages_about(self, appointment_id: str) -> list[dict[str, Any]]:
        """By the short code that every message carries."""
        code = appointment_id[:8].upper()
        return [m for m in await self.messages() if code in str(m["text"]).upper()]

    def pid(self, name: str) -> int | None:
        state = run_state.read(self.home / "run.json")
        assert state is not None
        return state["pids"][name]

    async def kill(self, name: str) -> None:
        """kill -9, and wait until the supervisor has started it again."""
        before = self.pid(name)
        assert before is not None
        os.kill(before, signal.SIGKILL)

        async def is_replaced() -> bool:
            return self.pid(name) not in {None, before}

        await eventually(is_replaced)

    @asynccontextmanager
    async def without(self, name: str) -> AsyncIterator[None]:
        """A server held down for the time of the block."""
        await self.stack("stop", name)
        try:
            yield
        finally:
            await self.stack("start", name)

    async def stack(self, command: str, name: str) -> None:
        """As `make stop` and `make start`, without half a second of Python's start."""
        told: Request = {"command": command, "name": name}
        answer = await asyncio.to_thread(ask, Home(self.home).control_socket, told)
        assert answer == {}, answer


@pytest.fixture(scope="session")
async def clinic(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clinic]:
    home = tmp_path_factory.mktemp("home")
    async with (
        whole_stack(home, env=SETTINGS) as state,
        _client(state["api"] or "") as http,
    ):
        yield Clinic(home=home, state=state, http=http, patients=await _more_patients(state))


@pytest.fixture(scope="session")
async def temporal_client(clinic: Clinic) -> AsyncIterator[Client]:
    """What operations use; payloads come as plain JSON."""
    client = await Client.connect(
        clinic.state["temporalAddress"] or "", data_converter=as_stored(PAYLOAD_KEYS)
    )
    yield client
    del client
    gc.collect()


@pytest.fixture
async def hasty_clinic(clinic: Clinic) -> AsyncIterator[Clinic]:
    """The same clinic through another API process, whose holds last 3 seconds."""
    async with another_api(clinic, PRIYOM_HOLD_SECONDS="3") as http:
        yield replace(clinic, http=http)


@pytest.fixture
async def second_api(clinic: Clinic) -> AsyncIterator[httpx.AsyncClient]:
    async with another_api(clinic) as http:
        yield http


@asynccontextmanager
async def another_api(clinic: Clinic, **settings: str) -> AsyncIterator[httpx.AsyncClient]:
    ports = Ports()
    port = ports.take()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api"),
        cwd=CHECKOUT,
        env={**os.environ, **_servers(clinic), **settings}
        | {"PRIYOM_API_PORT": str(port), "PRIYOM_SECRET": SECRET},
    )
    try:
        async with _client(f"http://127.0.0.1:{port}") as http:
            await eventually(lambda: _answers(http), within=60)
            yield http
    finally:
        process.terminate()
        await process.wait()
        ports.release()


async def eventually(holds: Callable[[], Awaitable[bool]], *, within: float = 90) -> None:
    """Wait for a condition seen from outside; fail when it does not come true in time."""
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110 - another process raises no event here
            await asyncio.sleep(0.05)


async def _more_patients(state: RunState) -> list[str]:
    """Enough for every test to take another one."""
    connection = await psycopg.AsyncConnection.connect(state["databaseUrl"] or "")
    async with connection:
        found = await connection.execute(
            "INSERT INTO patients (id, full_name, phone, email, language)"
            " SELECT gen_random_uuid(), 'Testova Patient ' || n, '+70000' || n,"
            "        'patient' || n || '@example.org', (ARRAY['ru', 'en'])[1 + n % 2]"
            " FROM generate_series(100001, 104000) n RETURNING id::text"
        )
        return [row[0] for row in await found.fetchall()]


def _servers(clinic: Clinic) -> dict[str, str]:
    state = clinic.state
    direct, pooler = state["databaseUrl"] or "", state.get("poolerUrl", "")
    return {
        "DATABASE_URL": pooler or direct,
        "DATABASE_DIRECT_URL": direct if pooler else "",
        "REDIS_URL": state["redisUrl"] or "",
        "KAFKA_BOOTSTRAP_SERVERS": state["kafkaBootstrapServers"] or "",
        "TEMPORAL_ADDRESS": state["temporalAddress"] or "",
        "PRIYOM_PAYLOAD_KEYS": SEALED_WITH,
    }


def _client(base_url: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None)
    return httpx.AsyncClient(base_url=base_url, timeout=15, limits=limits)


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False
