"""The result of a soak: counted over its rounds, printed, and added to earlier soaks."""

import json
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.rig.history import History, Kind
from tests.faults.rig.invariants import INVARIANTS
from tests.faults.rig.memory import OURS, Memory, growth, memory_of
from tests.faults.rig.report import Line

START, WARM, END = "start", "warm", "end"
MAY_GROW_BY = 0.10
VIOLATIONS_SHOWN = 20
ON_A_LINK = ")"
"""Counts by proxies, of chunks and connections, end in the name of their link."""

MEASURED = ((Kind.HOLD, 201), (Kind.CONFIRM, 200))


@dataclass(kw_only=True)
class Tally:
    """`wrong` counts violations by invariant; `violations` describes them."""

    begun: float = field(default_factory=time.monotonic)
    bookings: int = 0
    holds: int = 0
    asked_again: int = 0
    replays: int = 0
    audits: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    milliseconds: dict[Kind, list[float]] = field(default_factory=dict)
    memory: dict[str, dict[str, Memory]] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun

    def add(self, line: Line, history: History) -> None:
        self.bookings += line.bookings
        self.holds += line.holds
        self.asked_again += line.unknown
        self.answers.update(line.answers)
        for what, times in line.injected.items():
            counted = self.effects if what.endswith(ON_A_LINK) else self.faults
            counted[what] += times
        self.checked.update(line.checked)
        self.wrong.update(line.wrong)
        for kind, status in MEASURED:
            calls = (c for c in history.calls if (c.kind, c.status) == (kind, status))
            self.milliseconds.setdefault(kind, []).extend(c.seconds * 1000 for c in calls)

    def measure(self, when: str, pids: Mapping[str, int]) -> None:
        measured = {name: memory_of(pid) for name, pid in pids.items()}
        self.memory[when] = {name: each for name, each in measured.items() if each is not None}

    def grown(self) -> dict[str, float]:
        """How much each of our processes has grown since it was warm."""
        warm, end = self.memory.get(WARM, {}), self.memory.get(END, {})
        shares = {name: growth(warm.get(name), end.get(name)) for name in OURS}
        return {name: share for name, share in shares.items() if share is not None}

    def too_large(self) -> list[str]:
        return [
            f"{name} grew by {share:.1%}, allowed are {MAY_GROW_BY:.0%}"
            for name, share in self.grown().items()
            if share > MAY_GROW_BY
        ]

    def progress(self) -> str:
        return (
            f"{self.seconds / 60:5.1f} min  {self.bookings} bookings, "
            f"{sum(self.faults.values())} faults, {len(self.violations)} violations"
        )

    def summary(self) -> Iterator[str]:
        yield f"answers     {_counts(self.answers)}"
        yield f"faults      {_counts(self.faults)}"
        yield f"on links    {_counts(self.effects)}"
        yield f"audits      {_counts(self.audits)}"
        yield f"retries     {self.asked_again} calls without an outcome, asked again"
        yield f"replays     {self.replays} old keys sent again, the same answer each"
        for kind, taken in self.milliseconds.items():
            p50, p99 = _quantiles(taken)
            yield f"{kind:<11} p50 {p50:.0f} ms, p99 {p99:.0f} ms of {len(taken)}"
        for name in self.memory[START]:
            sizes = (
                f"{when} {each[name].rss:.0f}/{each[name].pss:.0f}"
                for when, each in self.memory.items()
                if name in each
            )
            yield f"memory      {name:<9} MiB RSS/PSS: {', '.join(sizes)}"
        for name, share in self.grown().items():
            yield f"grown       {name:<9} {share:+.1%} since it was warm"
        for name in INVARIANTS:
            yield f"{name:<11} {self.checked[name]} checked, {self.wrong[name]} wrong"
        for each in self.violations[:VIOLATIONS_SHOWN]:
            yield f"VIOLATION   {each}"

    def keep(self, file: Path) -> str:
        """Add this soak to the earlier ones; the total is one line."""
        soak = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "minutes": round(self.seconds / 60, 1),
            "bookings": self.bookings,
            "faults": dict(self.faults),
            "checked": dict(self.checked),
            "violations": len(self.violations),
            "grown": {name: round(share, 3) for name, share in self.grown().items()},
        }
        with file.open("a") as soaks:
            soaks.write(json.dumps(soak) + "\n")
        all_of_them = [json.loads(line) for line in file.read_text().splitlines()]
        return (
            f"SOAKS       {len(all_of_them)}: {sum(s['bookings'] for s in all_of_them)} bookings, "
            f"{sum(sum(s['faults'].values()) for s in all_of_them)} faults, "
            f"{sum(s['violations'] for s in all_of_them)} violations in all ({file})"
        )


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{name}: {times}" for name, times in counted.most_common())


def _quantiles(taken: list[float]) -> tuple[float, float]:
    ordered = sorted(taken) or [0.0]
    return statistics.median(ordered), ordered[int(len(ordered) * 0.99)]
