"""Closed-loop load over real HTTP: front ends hold, then confirm, cancel or forget."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.faults.rig.front_end import AS_TOLD, FrontEnd, stopped_within
from tests.faults.rig.history import Booking, Call, History, Kind, Slot
from tests.faults.rig.supply import Supply

FORGETS_FOR = 5.0


@dataclass(frozen=True, kw_only=True)
class Mix:
    """Shares of what patients do with a hold. The rest extend it, then confirm.

    Holds are forgotten early in a case, so that they lapse during the case.
    `think` is the longest pause, seconds. Who is `alone` wants a slot that nobody else wants.
    """

    confirm: float = 0.56
    confirm_twice: float = 0.1
    cancel: float = 0.1
    forget: float = 0.14
    cancel_visit: float = 0.2
    think: float = 0.4
    alone: bool = False


class Load:
    """Patients who compete for a small pool of slots. Booked slots are replaced."""

    def __init__(self, api: str, supply: Supply, history: History, mix: Mix) -> None:
        self._api = api
        self._supply = supply
        self._history = history
        self._mix = mix
        self._pool: list[Slot] = []
        self._refused: dict[Slot, int] = {}
        self._stopping = asyncio.Event()
        self._begun = time.monotonic()

    def _age(self) -> float:
        return time.monotonic() - self._begun

    @asynccontextmanager
    async def of(self, clients: int) -> AsyncIterator[None]:
        """Run this many front ends, each with one patient after another, while the block runs."""
        self._pool = [self._supply.slot() for _ in range(max(4, clients * 2))]
        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(self._one_after_the_other())
            try:
                yield
            finally:
                self._stopping.set()

    @asynccontextmanager
    async def arriving(self, a_second: float) -> AsyncIterator[None]:
        """Start this many new patients a second, however long the earlier ones wait."""
        self._pool = [self._supply.slot() for _ in range(max(4, int(a_second * 10)))]
        async with asyncio.TaskGroup() as group:
            group.create_task(self._arrivals(group, 1 / a_second))
            try:
                yield
            finally:
                self._stopping.set()

    async def _arrivals(self, group: asyncio.TaskGroup, pause: float) -> None:
        while not await self._stopped_within(pause):
            group.create_task(self._one_patient())

    async def _one_after_the_other(self) -> None:
        front_end = FrontEnd(self._api, self._history)
        while not await self._stopped_within(random.uniform(0, self._mix.think)):
            await self._story(front_end)
        await front_end.close()

    async def _one_patient(self) -> None:
        front_end = FrontEnd(self._api, self._history, AS_TOLD)
        await self._story(front_end)
        await front_end.close()

    async def _story(self, front_end: FrontEnd) -> None:
        slot = self._supply.slot() if self._mix.alone else random.choice(self._pool)
        booking = self._supply.booking(slot)
        held = await front_end.insist(Kind.HOLD, booking, unless=self._stopping)
        if held.status != 201:
            self._was_refused(slot)
            return
        await self._stopped_within(random.uniform(0, self._mix.think))
        await self._decide(front_end, booking, held)

    async def _decide(self, front_end: FrontEnd, booking: Booking, held: Call) -> None:
        choice, mix = random.random(), self._mix
        if choice < mix.confirm:
            await self._confirm(front_end, booking)
        elif choice < mix.confirm + mix.confirm_twice:
            await self._confirm_twice(front_end, booking)
        elif choice < mix.confirm + mix.confirm_twice + mix.cancel:
            await front_end.insist(Kind.CANCEL, booking, unless=self._stopping)
        elif choice < 1 - mix.forget or self._age() > FORGETS_FOR:
            version = int(held.body["version"])
            await front_end.insist(Kind.EXTEND, booking, version=version, unless=self._stopping)
            await self._confirm(front_end, booking)

    async def _confirm(self, front_end: FrontEnd, booking: Booking) -> None:
        confirmed = await front_end.insist(Kind.CONFIRM, booking, unless=self._stopping)
        if confirmed.status == 200:
            await front_end.ask(Kind.DAY, booking)
            if random.random() < self._mix.cancel_visit:
                await front_end.insist(Kind.CANCEL, booking, unless=self._stopping)

    async def _confirm_twice(self, front_end: FrontEnd, booking: Booking) -> None:
        """The same patient confirms in two pages at once."""
        other = FrontEnd(self._api, self._history)
        await asyncio.gather(self._confirm(front_end, booking), other.ask(Kind.CONFIRM, booking))
        await other.close()

    def _was_refused(self, slot: Slot) -> None:
        """Replace a slot that is booked for good by a free one."""
        self._refused[slot] = self._refused.get(slot, 0) + 1
        if self._refused[slot] >= 2 and slot in self._pool:
            self._pool[self._pool.index(slot)] = self._supply.slot()

    async def _stopped_within(self, seconds: float) -> bool:
        return await stopped_within(self._stopping, seconds)
