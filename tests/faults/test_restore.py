"""The drill: each store put back to an earlier moment than the other, to nothing, and both at once.

Printed are how long each took (RTO), what was lost of what was booked (RPO), and which events were
repeated. The stack is of its own: what is restored here would break the other cases.
"""

import asyncio
import gc
import os
import shutil
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psutil
import psycopg
import pytest
from temporalio.client import Client

from domain.events import EventType, event_id
from stack import run_state
from stack.accounts import unprivileged_account
from stack.embedded import SIGNED_OFF, whole_stack
from stack.home import Home
from tests.faults.rig import gather
from tests.integration.test_stack_commands import stack
from tests.payload_keys import as_stored
from workflows.names import (
    AUDIT_SCHEDULE,
    FORGET_SCHEDULE,
    PUBLISH_SCHEDULE,
    REMINDER_SCHEDULE,
)

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1200)]

SETTINGS = {**SIGNED_OFF, "PRIYOM_AUDIT_SECONDS": "20"}
SCHEDULES = {AUDIT_SCHEDULE, FORGET_SCHEDULE, PUBLISH_SCHEDULE, REMINDER_SCHEDULE}
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
        slot = await self.free_slot()
        return await self.takes(slot, self.state["patients"][nth]["id"]), slot

    async def free_slot(self) -> dict[str, Any]:
        begin = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
        found = await self.http.get("/api/v1/slots", params={"from": begin, "limit": 1})
        slot: dict[str, Any] = found.json()["items"][0]
        return slot

    async def takes(self, slot: dict[str, Any], patient: str) -> str:
        visit = await self.holds(slot, patient)
        assert (await self.call("POST", f"/appointments/{visit}/confirm")).status_code == 200
        return visit

    async def holds(self, slot: dict[str, Any], patient: str) -> str:
        wish = {"doctorId": slot["doctorId"], "dateTime": slot["dateTime"]}
        held = await self.call("POST", "/appointments", patientId=patient, **wish)
        assert held.status_code == 201, held.text
        return str(held.json()["appointmentId"])

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

    async def names_lost_visits(self) -> bool:
        return bool(await self.gauge("priyom_audit_lost_visits"))

    async def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        url = str(self.state["databaseUrl"])
        async with await psycopg.AsyncConnection.connect(url) as connection:
            return await (await connection.execute(query.encode(), values)).fetchall()

    async def events(self) -> dict[tuple[UUID, str, int], list[UUID]]:
        """By what each tells of: the ids of its records in the topic."""
        records = await gather.Topic(str(self.state["kafkaBootstrapServers"])).records()
        told: dict[tuple[UUID, str, int], list[UUID]] = defaultdict(list)
        for event in gather.events_in(records):
            told[event.appointment_id, event.type, event.sequence].append(event.id)
        return told

    async def letters(self, visit: str) -> list[int]:
        """How often the mailbox has each message to the patient of that visit."""
        found = await self.rows(
            "SELECT id::text FROM notifications WHERE appointment_id = %s AND audience = 'patient'",
            visit,
        )
        ours = {key for (key,) in found}
        kept = (await self.http.get(f"{self.state['mailbox']}/messages")).json()
        keys = {each["key"].strip("<>").partition("@")[0]: each["deliveries"] for each in kept}
        return [times for key, times in keys.items() if key in ours]

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
        untold = await temporal_is_empty(here, stands)

        with_its_run, _ = await here.booked(nth=8)
        assert (await stack(home, "backup", str(backup)))[0] == 0
        after, _ = await here.booked(nth=5)
        await temporal_is_older(here, after, backup)
        repeated = await repeated_events(here)

    print(f"events that were told more than once, each by one id: {len(repeated)}")
    assert UUID(untold) in repeated

    async with restored(home, backup) as here:
        print("all from a backup: lost is what was booked after it was begun, 1 visit (RPO)")
        assert await here.said_of(stands) == (200, "confirmed")
        assert await here.said_of(after) == (404, "appointment_not_found")
        await here.booked(nth=6)
        assert await here.gauge("priyom_audit_overlaps") in {None, 0}

    async with restored(home, backup, without="postgres") as here:
        print("PostgreSQL from nothing: lost are all visits (RPO); their runs name them")
        assert await here.said_of(with_its_run) == (503, "unavailable")
        await here.until(here.names_lost_visits, "named by the audit")
        await here.booked(nth=0)


@asynccontextmanager
async def restored(home: Path, backup: Path, *, without: str = "") -> AsyncIterator[Site]:
    """A stack from that backup; the store named begins with nothing. Prints how long it took."""
    began = time.monotonic()
    said = await stack(home, "restore", str(backup))
    assert said[0] == 0, said[1]
    if without:
        shutil.rmtree(Home(home).postgres_folder(unprivileged_account()) / without)
    async with site(home) as here:
        print(f"{said[1].splitlines()[-1]}: up after {time.monotonic() - began:.0f} s (RTO)")
        yield here


async def repeated_events(here: Site) -> set[UUID]:
    """Of which visits. However often an event is told, its id follows from what it tells."""
    told = await here.events()
    for (visit, kind, sequence), ids in told.items():
        assert set(ids) == {event_id(visit, sequence, EventType(kind))}
    return {visit for (visit, _, _), ids in told.items() if len(ids) > 1}


async def postgres_is_older(here: Site) -> None:
    """A visit that was confirmed after the copy is nobody's any more, and nobody says it stands."""
    folder = Home(here.home).postgres_folder(unprivileged_account())
    async with here.without("postgres"):
        await copied(folder / "postgres", folder / "copy")
    lost, slot = await here.booked(nth=1)
    async with here.without("postgres"):
        shutil.rmtree(folder / "postgres")
        (folder / "copy").rename(folder / "postgres")

    print("PostgreSQL older than Temporal: lost is what was booked after the copy, 1 visit (RPO)")
    assert await here.said_of(lost) == (503, "unavailable")
    for command in ("confirm", "cancel"):
        answer = await here.call("POST", f"/appointments/{lost}/{command}")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    await here.takes(slot, here.state["patients"][2]["id"])
    await here.until(here.names_lost_visits, "named by the audit")


async def temporal_is_empty(here: Site, stands: str) -> str:
    """No visit is lost. A hold that nobody can confirm is given back, and an event that nobody has
    received is told again: it was published, and nobody knows it any more. Returns its visit."""
    open_hold = await here.holds(await here.free_slot(), here.state["patients"][3]["id"])
    notifier = psutil.Process(here.state["pids"]["notifier"])
    notifier.suspend()
    untold, _ = await here.booked(nth=4)
    async with here.without("temporal"):
        for file in (here.home / "temporal").glob("temporal.db*"):
            file.unlink()

    async def is_told_again() -> bool:
        return len((await here.events())[UUID(untold), EventType.CONFIRMED, 2]) > 1

    async def is_given_back() -> bool:
        return await here.said_of(open_hold) == (200, "expired")

    async def has_letters() -> bool:
        return len(await here.letters(untold)) == 2

    await here.until(is_told_again, "published by the audit")
    await here.until(is_given_back, "the hold without a run given back by the audit")
    notifier.resume()
    await here.until(here.has_schedules, "scheduled again by processes that live on")
    await here.until(has_letters, "the patient told")
    print("Temporal from nothing: lost are the holds that were open, 1 (RPO)")
    assert await here.letters(untold) == [1, 1]
    for visit in (stands, untold):
        assert await here.said_of(visit) == (200, "confirmed")
    await here.booked(nth=3)
    return untold


async def temporal_is_older(here: Site, after: str, backup: Path) -> None:
    async with here.without("temporal"):
        for file in (here.home / "temporal").glob("temporal.db*"):
            file.unlink()
        shutil.copy2(backup / "temporal.db", here.home / "temporal" / "temporal.db")
    await here.until(here.has_schedules, "scheduled again")
    print("Temporal older than PostgreSQL: no visit is lost (RPO)")
    assert await here.said_of(after) == (200, "confirmed")
    await here.booked(nth=7)


async def copied(source: Path, target: Path) -> None:
    """With its owners."""
    copying = await asyncio.create_subprocess_exec("cp", "-a", os.fspath(source), os.fspath(target))
    assert await copying.wait() == 0
