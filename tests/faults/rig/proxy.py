"""A TCP proxy between two parts of the stack. It disturbs the link and counts its actions."""

import asyncio
import random
import re
from collections import Counter

from tests.faults.rig.link import Link
from tests.faults.rig.weather import Act, Mode, Sighting, Toward

RETRANSMITTED_AFTER = 0.2
"""Linux's minimum TCP retransmission timeout, seconds."""


class Proxy:
    """Forwards `port` to `target`. Each switch takes effect at once, also on open links."""

    def __init__(self, name: str, port: int, target: int, *, host: str = "127.0.0.1") -> None:
        self.name = name
        self.port = port
        self.target = target
        self.host = host
        self.mode = Mode.CLEAR
        self.delay = self.jitter = 0.0
        self.cut_chance = self.loss = 0.0
        self.counts: Counter[str] = Counter()
        self.sightings: list[Sighting] = []
        self.links: set[Link] = set()
        self._budget: dict[Toward, int] = {}
        self._server: asyncio.Server | None = None

    def leads_to(self) -> int:
        """The port that the next connection is led to."""
        return self.target

    async def open(self) -> None:
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: Link(self).client, self.host, self.port)

    async def close(self) -> None:
        self._stop_listening()
        self.reset()
        await asyncio.sleep(0)

    def slow(self, seconds: float, *, jitter: float = 0.0) -> None:
        """Each chunk, in each direction, arrives this much later, plus or minus `jitter`."""
        self.delay, self.jitter = seconds, jitter

    def freeze(self) -> None:
        self.mode = Mode.FREEZE

    def swallow(self) -> None:
        self.mode = Mode.SWALLOW

    def refuse(self) -> None:
        """Reset the open links and stop listening."""
        self._stop_listening()
        self.counts["refusing"] += 1
        self.reset()

    def reset(self) -> int:
        """Reset (RST) every open link; return how many."""
        links = list(self.links)
        for link in links:
            link.reset()
        self.counts["reset"] += len(links)
        return len(links)

    def half_close(self) -> int:
        """Half-close: the client sees the end of the stream, but its own data still arrives."""
        links = list(self.links)
        for link in links:
            link.say_no_more()
        self.counts["half closed"] += len(links)
        return len(links)

    def cut_after(self, count: int, toward: Toward) -> None:
        """Once: after this many more bytes in that direction, reset the link that carried them."""
        self._budget[toward] = count

    def cut_at_random(self, chance: float) -> None:
        """Each chunk resets its link with this probability."""
        self.cut_chance = chance

    def lose(self, chance: float) -> None:
        """Each chunk is lost with this probability, and arrives after its retransmission."""
        self.loss = chance

    def when(self, *patterns: bytes, do: Act, times: int = 1) -> Sighting:
        """Act once a link has carried these patterns (regular expressions) in this order."""
        stages = tuple(re.compile(pattern, re.DOTALL) for pattern in patterns)
        sighting = Sighting(stages=stages, act=do, times=times)
        self.sightings.append(sighting)
        return sighting

    async def heal(self) -> None:
        self.mode = Mode.CLEAR
        self.delay = self.jitter = self.cut_chance = self.loss = 0.0
        self.sightings.clear()
        self._budget.clear()
        for link in list(self.links):
            link.heal()
        await self.open()

    def takes_its_chance(self, toward: Toward, size: int) -> bool:
        """Whether this chunk resets its link."""
        if toward in self._budget:
            self._budget[toward] -= size
            if self._budget[toward] <= 0:
                del self._budget[toward]
                self.counts["cut"] += 1
                return True
        if self.cut_chance and random.random() < self.cut_chance:
            self.counts["cut"] += 1
            return True
        return False

    def lag(self) -> float:
        """The latency of this chunk."""
        late = 0.0
        if self.delay:
            self.counts["delayed"] += 1
            late = max(0.0, random.uniform(self.delay - self.jitter, self.delay + self.jitter))
        if self.loss and random.random() < self.loss:
            self.counts["lost and sent again"] += 1
            late += RETRANSMITTED_AFTER + 2 * self.delay
        return late

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
