"""A Prometheus of the tests beside a stack that runs: it scrapes every second."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from stack.control import ask
from stack.embedded import running
from stack.home import Home
from stack.ports import LOOPBACK, Ports
from stack.servers.prometheus import RULES, Watch, address, initialise, program

EVERY_SECONDS = 1
"""How often it scrapes, and looks at its rules."""

PROCESSES = ("api", "worker", "notifier")


@dataclass(frozen=True)
class Prometheus:
    """What it answers by HTTP."""

    http: httpx.AsyncClient

    async def series(self, expression: str) -> list[dict[str, Any]]:
        """The labels and the value of each that the expression gives now, but NaN."""
        found = await self._asked("query", query=expression)
        series: list[dict[str, Any]] = found["result"]
        return [each for each in series if each["value"][1] != "NaN"]

    async def alerts(self, *states: str) -> set[str]:
        """The names of those in one of these states: pending, firing."""
        found = await self._asked("alerts")
        return {each["labels"]["alertname"] for each in found["alerts"] if each["state"] in states}

    async def active_since(self, alert: str) -> datetime:
        """When what the alert asks for became true, while it waits or fires."""
        found = await self._asked("alerts")
        return min(
            datetime.fromisoformat(each["activeAt"])
            for each in found["alerts"]
            if each["labels"]["alertname"] == alert
        )

    async def _asked(self, what: str, **query: str) -> dict[str, Any]:
        answer = await self.http.get(f"/api/v1/{what}", params=query)
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data


async def targets_of(home: Path) -> dict[str, str]:
    """Where the processes of the stack in this home show their metrics."""
    told = await asyncio.to_thread(ask, Home(home).control_socket, {"command": "status"})
    return {
        row["name"]: f"{LOOPBACK}:{row['port']}" for row in told["rows"] if row["name"] in PROCESSES
    }


@asynccontextmanager
async def watching(
    folder: Path, targets: Mapping[str, str], rules: Path = RULES
) -> AsyncIterator[Prometheus]:
    ports = Ports()
    port = ports.take()
    watch = Watch(targets=targets, every_seconds=EVERY_SECONDS, rules=rules)
    place = initialise(folder / "prometheus", watch)
    try:
        async with (
            running(program(place, port), folder),
            httpx.AsyncClient(base_url=address(port), timeout=10, trust_env=False) as http,
        ):
            yield Prometheus(http)
    finally:
        ports.release()
