"""What sign-in costs a request, in turns in one run: `-m long -s`, on a quiet machine.

Beside the stack's own API it starts one where nobody signs in, one where everybody does, and one
that counts requests as well; an issuer of its own signs the tokens. They take turns at the same
reads and the same bookings, A B C, then C B A. Prints CPU-ms a request of each, and the difference.
"""

import asyncio
import statistics
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bench.free_slots import Wish
from bench.http import Connection
from bench.issuer import Issuer, issuing
from bench.processes import cpu_seconds
from bench.readers import read
from stack.ports import Ports
from tests.acceptance.measuring import Side, api_beside, measured_stack

OFF, ON, COUNTED = "sign-in off", "sign-in on", "on, and counted"
SETTINGS = {
    OFF: {"PRIYOM_SIGN_IN": "off"},
    ON: {"PRIYOM_RATE_LIMIT": "off"},
    COUNTED: {"PRIYOM_RATE_LIMIT": "6000,300"},
}
"""Reads are counted as they are by default; the bookings are those of few patients."""
KNOWN, NEW, BOOKINGS = "reads, token known", "reads, token new", "holds and confirms"
READERS, PATIENTS = 8, 300
ROUNDS, SECONDS = 5, 2.0
ROUNDS_KNOWN = 25
"""More of what is asserted: a turn costs a tenth more or less than the one before it."""

AT_MOST = 0.3
"""CPU-ms."""

NEW_TOKENS = 4200
"""More than are asked for in a turn, so that each is seen once; more than the API remembers."""


@dataclass(kw_only=True)
class Turns:
    """The same work for each side; CPU-ms a request, by what was asked and of whom."""

    issuer: Issuer
    patients: list[str]
    wishes: list[Wish]
    taken: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    async def take_known(self, side: Side) -> None:
        known = [self._read(patient, self.issuer.token_of(patient)) for patient in self.patients]
        await read(side.url, known, connections=READERS, seconds=0.5)
        await self._reads(side, KNOWN, known)

    async def take(self, side: Side) -> None:
        await self.take_known(side)
        await self._bookings(side)  # by tokens that are known; so many new ones drive them out
        fresh = [
            self._read(patient, self.issuer.new_token(patient))
            for patient in self.patients * (NEW_TOKENS // len(self.patients))
        ]
        await self._reads(side, NEW, fresh)

    async def _reads(self, side: Side, what: str, requests: list[bytes]) -> None:
        before = cpu_seconds(side.pid)
        told = await read(side.url, requests, connections=READERS, seconds=SECONDS)
        self._note(side, what, cpu_seconds(side.pid) - before, told.reads)
        if told.by_status.keys() != {200}:
            raise RuntimeError(f"{side.name}, {what}: answered {told.by_status}")

    async def _bookings(self, side: Side) -> None:
        before, asked, ends = cpu_seconds(side.pid), 0, time.perf_counter() + SECONDS

        async def user() -> int:
            connection, requests = Connection(side.url, self.issuer.token_of), 0
            while time.perf_counter() < ends:
                held = await connection.hold(self.wishes.pop())
                if held.status == 201:
                    await connection.tell(held.body["appointmentId"], "confirm")
                    requests += 1
                requests += 1
            await connection.close()
            return requests

        asked = sum(await asyncio.gather(*(user() for _ in range(READERS))))
        self._note(side, BOOKINGS, cpu_seconds(side.pid) - before, asked)

    def _note(self, side: Side, what: str, cpu: float, requests: int) -> None:
        self.taken.setdefault((what, side.name), []).append(cpu * 1000 / requests)

    @staticmethod
    def _read(patient: str, token: str) -> bytes:
        path = f"/api/v1/patients/{patient}/appointments"
        head = f"GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n"
        return head.encode()


def cost(turns: Turns, what: str, name: str) -> float:
    return statistics.median(turns.taken[what, name])


def more(turns: Turns, what: str, name: str) -> float:
    """Than the turn without sign-in of the same round."""
    pairs = zip(turns.taken[what, name], turns.taken[what, OFF], strict=True)
    return statistics.median(ours - without for ours, without in pairs)


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
            await things.enter_async_context(
                api_beside(clinic, name, ports, **(issuer.settings | settings))
            )
            for name, settings in SETTINGS.items()
        ]
        rows: list[Any] = await clinic.rows("SELECT id::text FROM patients LIMIT %s", PATIENTS)
        turns = Turns(
            issuer=issuer, patients=[row[0] for row in rows], wishes=await clinic.wishes()
        )
        for number in range(ROUNDS):
            for side in sides if number % 2 else reversed(sides):
                await turns.take(side)
        for number in range(ROUNDS_KNOWN):
            for side in sides if number % 2 else reversed(sides):
                await turns.take_known(side)

    for what in (KNOWN, NEW, BOOKINGS):
        for name in SETTINGS:
            ms, by = cost(turns, what, name), more(turns, what, name)
            print(f"{what:<20} {name:<16} {ms:6.3f} CPU-ms a request ({by:+.3f})")
    for name in (ON, COUNTED):
        assert more(turns, KNOWN, name) <= AT_MOST
