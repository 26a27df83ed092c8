"""The memory of our own processes, and its growth between two restarts."""

from dataclasses import dataclass

import psutil

OURS = ("api", "worker", "notifier", "mailbox")
MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Resident (RSS) and proportional (PSS: shared pages count once) set of one process, MiB."""

    pid: int
    rss: float
    pss: float


def memory_of(pid: int) -> Memory | None:
    """None if it has just died."""
    try:
        full = psutil.Process(pid).memory_full_info()
    except psutil.NoSuchProcess:
        return None
    return Memory(pid=pid, rss=full.rss / MIB, pss=full.pss / MIB)


def growth(before: Memory | None, after: Memory | None) -> float | None:
    """The larger relative growth of the two sizes; None if the process was restarted between."""
    if before is None or after is None or before.pid != after.pid:
        return None
    return max(after.rss / before.rss, after.pss / before.pss) - 1
