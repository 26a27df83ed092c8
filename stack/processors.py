"""How many processors this process may use: its affinity, limited by its cgroup's quota."""

import math
import os
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Microseconds of processor time in each period, and the period; `max` where nothing is said."""


def usable_processors(quota: Path = QUOTA) -> int:
    """At least one. A fraction of a processor counts as one."""
    if hasattr(os, "sched_getaffinity"):
        bound = len(os.sched_getaffinity(0))
    else:
        bound = os.cpu_count() or 1
    return max(1, min(bound, _within(quota)))


def _within(quota: Path) -> int:
    try:
        time, period = quota.read_text().split()
        return math.ceil(int(time) / int(period))
    except (OSError, ValueError):
        return os.cpu_count() or 1
