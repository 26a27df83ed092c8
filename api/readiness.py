"""Readiness: which servers answer, asked all at once, at most once a second, never waited for."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Health = Literal["up", "down"]
Probe = Callable[[], Awaitable[None]]

REMEMBERED_SECONDS = 1.0
PATIENCE_SECONDS = 1.0
NEEDED = ("postgres", "temporal")
"""Without these nothing can be booked; the others only delay messages and slow down reads."""


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """What answered, by name."""

    dependencies: Mapping[str, Health]

    @property
    def is_ready(self) -> bool:
        return all(self.dependencies[name] == "up" for name in NEEDED)


class ReadinessProbe:
    """Asks the servers. A probe that is stuck is left to itself, and counts as down until then."""

    def __init__(self, probes: Mapping[str, Probe]) -> None:
        self._probes = probes
        self._running: dict[str, asyncio.Task[None]] = {}
        self._latest: Readiness | None = None
        self._asked_at = 0.0

    async def look(self) -> Readiness:
        if self._latest is None or time.monotonic() - self._asked_at > REMEMBERED_SECONDS:
            found = await asyncio.gather(*(self._ask(name) for name in self._probes))
            self._latest = Readiness(dependencies=dict(zip(self._probes, found, strict=True)))
            self._asked_at = time.monotonic()
        return self._latest

    async def close(self) -> None:
        for task in self._running.values():
            task.cancel()

    async def _ask(self, name: str) -> Health:
        task = self._running.get(name)
        if task is None or task.done():
            task = self._running[name] = asyncio.create_task(_run(self._probes[name]))
        done, _ = await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
        if not done:
            task.cancel()
            return "down"
        return "down" if task.cancelled() or task.exception() is not None else "up"


async def _run(probe: Probe) -> None:
    await probe()
