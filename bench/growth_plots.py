"""Plots of what a booking costs when there is more of everything.

`.venv-bench/bin/python -m bench.growth_plots growth-results.json docs/img`
"""

import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from bench.plots import INK, ROLES, STYLE

Turn = Mapping[str, Any]
SMALL = 1.0
"""CPU-ms a booking: what uses less is not drawn."""

ALL, ONE, MANY = "#2f81c7", "#2f9e75", "#d9772b"


def main() -> int:
    found, folder = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    with mpl.rc_context(STYLE):
        if "sizes" in found:
            few = min(turn["doctors"] for turn in found["sizes"])
            turns = [turn for turn in found["sizes"] if turn["doctors"] == few]
            figure = costs(turns, lambda turn: turn["rows"], "rows of Schedules")
            figure.axes[0].set_xscale("log")
            figure.axes[1].set_xscale("log")
            _save(figure, folder / "growth-rows.svg")
        if "holds" in found:
            turns = [
                {**turn, "held": level["held"]}
                for level in found["holds"]["levels"]
                for turn in level["turns"]
            ]
            figure = costs(turns, lambda turn: turn["held"], "holds open")
            _save(figure, folder / "growth-holds.svg")
            _save(lapses(found["holds"]["lapse"]), folder / "growth-lapse.svg")
    return 0


def costs(turns: Sequence[Turn], amount: Callable[[Turn], int], what: str) -> plt.Figure:
    """Beside each other: the processor's time a booking, and how long a patient waits."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.4))
    amounts = sorted({amount(turn) for turn in turns})
    counts = sorted({turn["users"] for turn in turns})

    def drawn(axes: Axes, users: int, of: Callable[[Turn], float], **look: Any) -> None:
        some = [turn for turn in turns if turn["users"] == users]
        points = [
            statistics.median(of(turn) for turn in some if amount(turn) == each) for each in amounts
        ]
        axes.plot(amounts, points, marker="o", markersize=4, **look)

    for role, (colour, names) in ROLES.items():
        if max(_cpu(names, turn) for turn in turns) < SMALL:
            continue
        drawn(left, counts[-1], partial(_cpu, names), color=colour, label=role)
    left.set_ylabel(f"CPU-ms a booking, {counts[-1]} users")
    for users, colour in zip(counts, (ONE, MANY), strict=False):
        for what_for, style in (("held", "-"), ("confirmed", "--")):
            name = f"{what_for}, {users} user{'s' if users > 1 else ''}"
            drawn(right, users, partial(_p50, what_for), color=colour, ls=style, label=name)
    right.set_ylabel("answered in, ms (p50)")
    for axes in (left, right):
        _dress(axes, what)
    figure.tight_layout()
    return figure


def lapses(lapse: Mapping[str, Any]) -> plt.Figure:
    """All holds from the first that was opened to the last that lapsed, and memory meanwhile."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.4))
    at = [each["at"] for each in lapse["seen"]]
    left.plot(at, [each["held"] for each in lapse["seen"]], color=ALL, label="held")
    left.plot(at, [each["overdue"] for each in lapse["seen"]], color=MANY, label="over, still held")
    left.set_ylabel("holds")
    for name, colour in (
        ("worker", ONE),
        ("temporal", MANY),
        ("postgres", "#9a6dc0"),
        ("api", ALL),
    ):
        sizes = [each["memory_mib"].get(name, 0.0) for each in lapse["seen"]]
        right.plot(at, sizes, color=colour, label=name)
    right.set_ylabel("memory, MiB (PSS)")
    for axes in (left, right):
        _dress(axes, "seconds since the first hold")
    figure.tight_layout()
    return figure


def _dress(axes: Axes, what: str) -> None:
    axes.set_xlabel(what)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=INK, alpha=0.25, linewidth=0.6)
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)


def _cpu(names: set[str], turn: Turn) -> float:
    spent: Mapping[str, float] = turn["cpuMs"]
    return sum(spent.get(name, 0.0) for name in names)


def _p50(what_for: str, turn: Turn) -> float:
    return float(turn[f"{what_for}Ms"]["p50"])


def _save(figure: plt.Figure, path: Path) -> None:
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None, "Creator": None})
    plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
