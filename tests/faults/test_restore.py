"""The drill: each store put back to an earlier moment than the other, and both from a backup.

The stack is of its own: what is restored here would break the other cases.
"""

import asyncio
import gc
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from temporalio.client import Client

from stack import run_state
from stack.accounts import unprivileged_account
from stack.embedded import SIGNED_OFF, whole_stack
from stack.home import Home
from tests.integration.test_stack_commands import stack
from tests.payload_keys import as_stored

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1200)]

SETTINGS = {**SIGNED_OFF, "PRIYOM_AUDIT_SECONDS": "20"}
SCHEDULES = {"audit-bookings", "forget-messages"}
IN_TIME = 120
"""Seconds until what mends itself is mended: an audit, a look at the schedules, on any machine."""


@dataclass(kw_only=True)
class Site:
    """A running stack, and what the drill does to it."""

    home: Path
    state: run_state.RunState
    http: httpx.AsyncClient

    async def call(self, method: str, path: str, **body: object) -> httpx.Response:
        return await self.http.request(method, f"/api/v1{path}", json=body or None)

    async def booked(self, *, nth: int) -> tuple[str, dict[str, Any]]:
        """A confirmed visit of the nth patient to a free slot far enough away."""
        begin = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
        found = await self.http.get("/api/v1/slots", params={"from": begin, "limit": 1})
        slot = found.json()["items"][0]
        patient = self.state["patients"][nth]["id"]
        visit, _ = await self.takes(slot, patient)
        return visit, slot

    async def takes(self, slot: dict[str, Any], patient: str) -> tuple[str, dict[str, Any]]:
        wish = {"doctorId": slot["doctorId"], "dateTime": slot["dateTime"]}
        held = await self.call("POST", "/appointments", patientId=patient, **wish)
        assert held.status_code == 201, held.text
        visit = str(held.json()["appointmentId"])
        assert (await self.call("POST", f"/appointments/{visit}/confirm")).status_code == 200
        return visit, held.json()

    async def said_of(self, visit: str) -> tuple[int, str]:
        told = await self.call("GET", f"/appointments/{visit}")
        return told.status_code, str(told.json().get("code") or told.json()["status"])

    async def until_ready(self) -> None:
        await self.until(self.is_ready, "ready")

    async def is_ready(self) -> bool:
        try:
            return (await self.http.get("/readyz")).status_code == 200
        except httpx.HTTPError:
            return False

    async def lost_visits(self) -> bool:
        return await self.gauge("priyom_audit_lost_visits") == 1

    async def gauge(self, name: str) -> float | None:
        state = run_state.read(self.home / "run.json") or self.state
        port = psutil.Process(state["pids"]["worker"]).environ()["PRIYOM_HEALTH_PORT"]
        shown = await self.http.get(f"http://127.0.0.1:{port}/metrics")
        found = [line.split()[1] for line in shown.text.splitlines() if line.startswith(f"{name} ")]
        return float(found[0]) if found else None

    async def has_schedules(self) -> bool:
        client = await Client.connect(
            str(self.state["temporalAddress"]), data_converter=as_stored()
        )
        found = {each.id async for each in await client.list_schedules()}
        del client
        gc.collect()
        return found >= SCHEDULES

    @staticmethod
    async def until(condition: Any, what: str) -> None:
        try:
            async with asyncio.timeout(IN_TIME):
                while not await condition():  # noqa: ASYNC110 - servers set no event
                    await asyncio.sleep(0.5)
        except TimeoutError:
            raise AssertionError(f"not {what} in {IN_TIME} s") from None

    @asynccontextmanager
    async def without(self, name: str) -> AsyncIterator[None]:
        """Its data may be exchanged meanwhile; prints how long it took to be back (RTO)."""
        began = time.monotonic()
        await stack(self.home, "stop", name)
        yield
        started = await stack(self.home, "start", name)
        assert started[0] == 0, started[1]
        await self.until_ready()
        print(f"{name} put back: ready after {time.monotonic() - began:.0f} s")


@asynccontextmanager
async def site(home: Path) -> AsyncIterator[Site]:
    async with (
        whole_stack(home, SETTINGS) as state,
        httpx.AsyncClient(base_url=str(state["api"]), timeout=20, trust_env=False) as http,
    ):
        yield Site(home=home, state=state, http=http)


async def test_each_store_is_put_back_and_the_row_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    home, backup = tmp_path / "home", tmp_path / "backup"
    async with site(home) as here:
        stands, _ = await here.booked(nth=0)

        await postgres_is_older(here)
        await temporal_is_empty(here, stands)

        assert (await stack(home, "backup", str(backup)))[0] == 0
        after, _ = await here.booked(nth=5)
        await temporal_is_older(here, after, backup)

    began = time.monotonic()
    restored = await stack(home, "restore", str(backup))
    assert restored[0] == 0, restored[1]
    async with site(home) as here:
        print(f"all from a backup: up after {time.monotonic() - began:.0f} s (RTO)")
        print(f"lost: what was booked after it was begun (RPO). {restored[1].splitlines()[-1]}")
        assert await here.said_of(stands) == (200, "confirmed")
        assert await here.said_of(after) == (404, "appointment_not_found")
        await here.booked(nth=6)
        assert await here.gauge("priyom_audit_overlaps") in {None, 0}


async def postgres_is_older(here: Site) -> None:
    """A visit that was confirmed after the copy is nobody's any more, and nobody says it stands."""
    folder = Home(here.home).postgres_folder(unprivileged_account())
    async with here.without("postgres"):
        await copied(folder / "postgres", folder / "copy")
    lost, slot = await here.booked(nth=1)
    async with here.without("postgres"):
        shutil.rmtree(folder / "postgres")
        (folder / "copy").rename(folder / "postgres")

    assert await here.said_of(lost) == (503, "unavailable")
    for command in ("confirm", "cancel"):
        answer = await here.call("POST", f"/appointments/{lost}/{command}")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    await here.takes(slot, here.state["patients"][2]["id"])
    await here.until(here.lost_visits, "named by the audit")


async def temporal_is_empty(here: Site, stands: str) -> None:
    async with here.without("temporal"):
        for file in (here.home / "temporal").glob("temporal.db*"):
            file.unlink()
    await here.until(here.has_schedules, "scheduled again")
    assert await here.said_of(stands) == (200, "confirmed")
    await here.booked(nth=3)


async def temporal_is_older(here: Site, after: str, backup: Path) -> None:
    async with here.without("temporal"):
        for file in (here.home / "temporal").glob("temporal.db*"):
            file.unlink()
        shutil.copy2(backup / "temporal.db", here.home / "temporal" / "temporal.db")
    await here.until(here.has_schedules, "scheduled again")
    assert await here.said_of(after) == (200, "confirmed")
    await here.booked(nth=4)


async def copied(source: Path, target: Path) -> None:
    """With its owners."""
    copying = await asyncio.create_subprocess_exec("cp", "-a", os.fspath(source), os.fspath(target))
    assert await copying.wait() == 0
