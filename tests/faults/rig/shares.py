"""What each part of a running stack takes: cores, memory, connections."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from bench.processes import cpu_seconds, memory
from tests.faults.rig.stack import Stack

MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Share:
    """Cores that a part kept busy, and its memory, MiB: pages that are shared count once."""

    cores: float
    mib: float


def _seconds(stack: Stack) -> dict[str, float]:
    return {name: cpu_seconds(stack.pid(name)) for name in stack.supervisor.kept}


@dataclass(kw_only=True)
class Meter:
    """Between its making and `read`."""

    stack: Stack

    def __post_init__(self) -> None:
        self._begun, self._before = time.monotonic(), _seconds(self.stack)

    async def read(self) -> dict[str, Share]:
        passed, after = time.monotonic() - self._begun, _seconds(self.stack)
        sizes = await asyncio.to_thread(
            lambda: {name: memory(self.stack.pid(name)) / MIB for name in after}
        )
        return {
            name: Share(cores=(after[name] - self._before[name]) / passed, mib=sizes[name])
            for name in after
        }


def told(shares: Mapping[str, Share], confirmed: int, seconds: float) -> str:
    """A line for each part; CPU-ms of each confirmed visit, where there were any."""
    lines = [
        f"{name:<18}{share.cores:6.3f} cores{share.mib:7.0f} MiB"
        + (f"{1000 * share.cores * seconds / confirmed:7.1f} CPU-ms a visit" if confirmed else "")
        for name, share in sorted(shares.items())
    ]
    whole = sum(share.cores for share in shares.values()), sum(s.mib for s in shares.values())
    return "\n".join([*lines, f"{'in all':<18}{whole[0]:6.3f} cores{whole[1]:7.0f} MiB"])


def connections(pid: int, port: int) -> tuple[int, int]:
    """How many clients a server at that port has, and how many connections it has to others."""
    open_ones = [
        each
        for each in psutil.Process(pid).net_connections("tcp")
        if each.status == psutil.CONN_ESTABLISHED
    ]
    clients = sum(each.laddr.port == port for each in open_ones)
    return clients, len(open_ones) - clients
