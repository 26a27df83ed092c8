"""Plots of a finished run, for paper and for a screen, light or dark.

`.venv-bench/bin/python -m bench.plots bench-results.json docs/img`: matplotlib lives there.
"""

import statistics
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

from bench.results import Results, TurnResult, read

INK = "#7b818a"
"""A grey that can be read on white and on black."""

COLOURS = {
    "product": "#2f81c7",
    "product+notifier": "#2f81c7",
    "restate": "#d9772b",
    "dbos": "#2f9e75",
    "plain": "#8a8f98",
}
NAMES = {
    "product": "Priyom",
    "product+notifier": "Priyom, messages sent",
    "restate": "Restate",
    "dbos": "DBOS",
    "plain": "no orchestrator",
}
DASHED = {"product+notifier"}
ROLES = {
    "API": ("#2f81c7", {"api"}),
    "worker": ("#2f9e75", {"worker", "service"}),
    "orchestrator's server": ("#d9772b", {"temporal", "restate-server"}),
    "PostgreSQL": ("#9a6dc0", {"postgres"}),
    "Kafka, Valkey": ("#b59a3c", {"kafka", "valkey"}),
    "messages": ("#c05a6d", {"notifier", "mailbox"}),
}
"""What each process is there for; DBOS and no orchestrator do their steps where they answer."""

COMPARED_AT = 16
"""Users at which the costs are shown, where they were measured."""

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "priyom",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
}


def main() -> int:
    results, folder = read(Path(sys.argv[1])), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        _save(held_against_users(results), folder / "bench-held.svg")
        _save(costs_by_process(results), folder / "bench-cpu.svg")
    return 0


def held_against_users(results: Results) -> plt.Figure:
    """How long a patient waits for a hold: the median of each engine's rounds."""
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    users = sorted({turn["users"] for turn in results["turns"]})
    for engine in _engines(results):
        points = [_median_held(results, engine, count) for count in users]
        style = "--" if engine in DASHED else "-"
        axes.plot(
            *(users, points, style),
            color=COLOURS.get(engine, INK),
            marker="o",
            markersize=4,
            label=NAMES.get(engine, engine),
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(users, [str(count) for count in users])
    axes.set_xlabel("users at once, each holding and confirming without a pause")
    axes.set_ylabel("request → held, ms (p50)")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(axis="y", color=INK, alpha=0.25, linewidth=0.6)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def costs_by_process(results: Results) -> plt.Figure:
    """What a booking costs, split by what the processes are there for."""
    counts = {turn["users"] for turn in results["turns"]}
    users = COMPARED_AT if COMPARED_AT in counts else max(counts)
    split = {engine: _cpu(results, engine, users) for engine in _engines(results)}
    figure, axes = plt.subplots(figsize=(6.4, 0.9 + 0.5 * len(split)))
    for row, cpu in enumerate(split.values()):
        left = 0.0
        for role, (colour, names) in ROLES.items():
            width = sum(cpu.get(name, 0.0) for name in names)
            axes.barh(
                row, width, left=left, height=0.6, color=colour, label=role if not row else ""
            )
            left += width
        axes.annotate(f"{left:.0f}", (left, row), (4, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(split)), [NAMES.get(engine, engine) for engine in split])
    axes.invert_yaxis()
    axes.set_xlabel(f"CPU-ms a booking, {users} users at once")
    axes.grid(axis="x", color=INK, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.margins(x=0.08)
    figure.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3)
    return figure


def _engines(results: Results) -> list[str]:
    return list(dict.fromkeys(turn["engine"] for turn in results["turns"]))


def _of(results: Results, engine: str, users: int) -> list[TurnResult]:
    return [t for t in results["turns"] if (t["engine"], t["users"]) == (engine, users)]


def _median_held(results: Results, engine: str, users: int) -> float:
    return statistics.median(turn["heldMs"]["p50"] for turn in _of(results, engine, users))


def _cpu(results: Results, engine: str, users: int) -> dict[str, float]:
    """The client is every engine's own load, no part of it."""
    turns = _of(results, engine, users)
    names = [name for name in turns[0]["cpuMs"] if name != "client"]
    return {name: statistics.median(turn["cpuMs"][name] for turn in turns) for name in names}


def _save(figure: plt.Figure, path: Path) -> None:
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None, "Creator": None})
    plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
