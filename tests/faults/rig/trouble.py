"""Random faults, one at a time: killed, paused, stopped or cut off, then healed."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext

from tests.faults.rig.case import Case
from tests.faults.rig.injectors import end_backends, flush_redis
from tests.faults.rig.memory import OURS
from tests.faults.rig.proxy import Proxy

LONGEST_PAUSE = 4.0
LONGEST_OUTAGE = 6.0


class Trouble:
    """Injects faults at a chosen rate. `spares_ours`: our own processes are only paused."""

    def __init__(self, case: Case, *, every: float, spares_ours: bool) -> None:
        self._case = case
        self._every = every
        self._parts = list(case.stack.supervisor.kept)
        spared = OURS if spares_ours else ()
        self._killed = [name for name in self._parts if name not in spared]
        self._kinds: list[Callable[[], Awaitable[None]]] = [
            self._kill,
            self._kill,
            self._pause,
            self._pause,
            self._outage,
            self._cut,
            self._connections,
        ]

    async def until(self, ends: float) -> None:
        """Inject one fault after another until the time is over; heal each before the next."""
        while True:
            await asyncio.sleep(random.uniform(0.5, 1.5) * self._every)
            if time.monotonic() > ends:
                return
            await random.choice(self._kinds)()
            await self._case.stack.ready()

    async def _kill(self) -> None:
        name = random.choice(self._killed)
        with self._answers_are_excused(name):
            self._case.stack.kill(name)
            self._case.injected(f"kill -9 {name}")
            await asyncio.sleep(0.2)
            await self._case.stack.ready()

    async def _pause(self) -> None:
        name = random.choice(self._parts)
        with self._answers_are_excused(name):
            self._case.stack.pause(name)
            self._case.injected(f"SIGSTOP {name}")
            await asyncio.sleep(random.uniform(0.3, LONGEST_PAUSE))
            self._case.stack.resume(name)

    async def _outage(self) -> None:
        name = random.choice(("kafka", "valkey"))
        await self._case.stack.stop(name)
        self._case.injected(f"stopped {name}")
        await asyncio.sleep(random.uniform(1, LONGEST_OUTAGE))
        await self._case.stack.start(name)

    async def _cut(self) -> None:
        link = random.choice(self._links())
        deed = random.choice((link.freeze, link.swallow))
        deed()
        self._case.injected(f"link: {deed.__name__}")
        await asyncio.sleep(random.uniform(0.3, LONGEST_PAUSE))
        await link.heal()

    async def _connections(self) -> None:
        if random.random() < 0.5:
            await end_backends(self._case.stack.address("postgres"), one_in=2)
            self._case.injected("pg_terminate_backend")
        else:
            await flush_redis(self._case.stack.address("valkey"))
            self._case.injected("FLUSHALL")

    def _links(self) -> list[Proxy]:
        """Links between the product's parts: a front end's broken link is not our fault."""
        return [link for of in OURS for link in self._case.stack.links_of(client=of)]

    def _answers_are_excused(self, name: str) -> AbstractContextManager[None]:
        return self._case.answers_are_excused() if name == "api" else nullcontext()
