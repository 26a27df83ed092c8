"""One connection through a proxy: its data is delayed, held back, watched or cut."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING

from tests.faults.rig.weather import Act, Mode, Sighting, Toward

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.rig.proxy import Proxy

TAIL = 256
"""Bytes of past data that are kept, for a pattern that spans two chunks."""

AT_ONCE_AND_ROUGH = struct.pack("ii", 1, 0)
"""SO_LINGER with zero seconds: closing sends RST."""


class Link:
    """One connection through the proxy: a leg to the client and a leg to the server."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.client = Leg(self, Toward.CLIENT)
        self.server = Leg(self, Toward.SERVER)
        self._legs = {Toward.CLIENT: self.client, Toward.SERVER: self.server}
        self._progress: dict[Sighting, tuple[int, bytes]] = {}
        self._ended: set[Toward] = set()
        self._awaited: Sighting | None = None
        self._loses_replies = self._is_tainted = False
        self._opening: asyncio.Task[None] | None = None

    def opened(self) -> None:
        self.proxy.links.add(self)
        self._opening = asyncio.create_task(self._reach_the_server())

    def arrived(self, toward: Toward, piece: bytes) -> None:
        proxy = self.proxy
        if proxy.mode is Mode.SWALLOW:
            proxy.counts["swallowed"] += 1
            self._is_tainted = True
            return
        if toward is Toward.SERVER:
            self._watch(piece)
        elif self._awaited is not None:
            self._answered()
        if self.client.transport is None:
            return  # an action has reset the link
        if toward is Toward.CLIENT and self._loses_replies:
            return
        if proxy.takes_its_chance(toward, len(piece)):
            self.reset()
            return
        if proxy.mode is Mode.FREEZE:
            proxy.counts["frozen"] += 1
        self._legs[toward].send_later(piece, proxy.lag())

    def ended(self, toward: Toward) -> None:
        self._legs[toward].end_later()
        self._ended.add(toward)
        if len(self._ended) == len(Toward):
            for leg in self._legs.values():
                leg.close_later()

    def lost(self, side: Toward) -> None:
        """One side has closed: deliver its last data, then close the other side."""
        self._legs[side].transport = None
        self._legs[side.other].close_later()
        if all(leg.transport is None for leg in self._legs.values()):
            self._forget()

    def reset(self) -> None:
        for leg in self._legs.values():
            leg.reset()
        if self._opening is not None:
            self._opening.cancel()
        self._forget()

    def say_no_more(self) -> None:
        self._loses_replies = self._is_tainted = True
        self.client.end_later()

    def heal(self) -> None:
        if self._is_tainted:
            self.reset()
            return
        for leg in self._legs.values():
            leg.is_held = False
            leg.flush()

    async def _reach_the_server(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(
                lambda: self.server, self.proxy.host, self.proxy.leads_to()
            )
        except OSError:
            self.reset()

    def _watch(self, piece: bytes) -> None:
        for sighting in list(self.proxy.sightings):
            if self._has_all_of(sighting, piece):
                sighting.times -= 1
                if sighting.times <= 0:
                    self.proxy.sightings.remove(sighting)
                self._do(sighting)

    def _has_all_of(self, sighting: Sighting, piece: bytes) -> bool:
        """Data before the watch began, or before the last stage, does not count."""
        stage, tail = self._progress.pop(sighting, (0, b""))
        seen, start = tail + piece, 0
        while stage < len(sighting.stages):
            found = sighting.stages[stage].search(seen, start)
            if found is None:
                self._progress[sighting] = stage, seen[start:][-TAIL:]
                return False
            stage, start = stage + 1, found.end()
        return True

    def _do(self, sighting: Sighting) -> None:
        self.proxy.counts[sighting.act.value] += 1
        match sighting.act:
            case Act.HOLD:
                self.server.is_held = True
                sighting.came.set()
            case Act.HOLD_REPLY:
                self.client.is_held = True
                self._awaited = sighting
            case Act.LOSE_REPLY:
                self._loses_replies = True
                self._awaited = sighting
            case Act.RESET:
                self.reset()
                sighting.came.set()
            case Act.ONLY_LOOK:
                sighting.came.set()

    def _answered(self) -> None:
        assert self._awaited is not None
        self._awaited.came.set()
        self._awaited = None
        if self._loses_replies:
            self.reset()

    def _forget(self) -> None:
        self.proxy.links.discard(self)


class Leg(asyncio.Protocol):
    """The proxy's end of a connection. Data that it sends may be delayed or held back."""

    def __init__(self, link: Link, side: Toward) -> None:
        self._link = link
        self._side = side
        self.transport: asyncio.Transport | None = None
        self.is_held = False
        self._late: deque[tuple[float, Callable[[], None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if self._is_over:
            transport.abort()
            return
        self.transport = transport
        if self._side is Toward.CLIENT:
            self._link.opened()
        else:
            self.flush()

    def data_received(self, data: bytes) -> None:
        self._link.arrived(self._side.other, data)

    def eof_received(self) -> bool:
        self._link.ended(self._side.other)
        return True

    def connection_lost(self, _: Exception | None) -> None:
        if self.transport is not None:
            self._link.lost(self._side)

    def send_later(self, piece: bytes, seconds: float) -> None:
        self._later(lambda: self._write(piece), seconds)

    def end_later(self) -> None:
        self._later(self._write_eof)

    def close_later(self) -> None:
        self._later(self._close)

    def flush(self) -> None:
        """Send what is due and not held back, in order."""
        loop = asyncio.get_running_loop()
        while self._late and self.transport is not None and not self._is_stopped():
            due, deed = self._late[0]
            if due > loop.time():
                self._wake_at(due)
                return
            self._late.popleft()
            deed()

    def reset(self) -> None:
        transport, self.transport, self._is_over = self.transport, None, True
        self._late.clear()
        if transport is not None:
            raw = transport.get_extra_info("socket")
            if raw is not None:
                with contextlib.suppress(OSError):
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE_AND_ROUGH)
            transport.abort()

    def _later(self, deed: Callable[[], None], seconds: float = 0.0) -> None:
        due = asyncio.get_running_loop().time() + seconds
        self._late.append((max(due, self._late[-1][0]) if self._late else due, deed))
        self.flush()

    def _is_stopped(self) -> bool:
        return self.is_held or self._link.proxy.mode is Mode.FREEZE

    def _wake_at(self, due: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(due, self._woken)

    def _woken(self) -> None:
        self._timer = None
        self.flush()

    def _write(self, piece: bytes) -> None:
        if self.transport is not None:
            self.transport.write(piece)

    def _write_eof(self) -> None:
        if self.transport is not None and self.transport.can_write_eof():
            with contextlib.suppress(OSError):
                self.transport.write_eof()

    def _close(self) -> None:
        if self.transport is not None:
            self.transport.close()
