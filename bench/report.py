"""The figures of a run, as lines for a person and as JSON."""

import statistics
from collections.abc import Mapping, Sequence

from bench.figures import NOISY, Turn, quantiles, ratios
from bench.results import About

SMALL = 0.5
"""CPU-ms a booking: what uses less is not named in a line."""


def line(turn: Turn, cores: int) -> str:
    others = turn.others(cores)
    held, confirmed = quantiles(turn.held_ms), quantiles(turn.confirmed_ms)
    return (
        f"round {turn.round}  {turn.engine:<18} {turn.users:>3} users {turn.rate:6.1f}/s "
        f"({turn.announced_rate:5.1f}/s announced)  "
        f"held {_three(held)} ms  confirmed {_three(confirmed)} ms  "
        f"CPU {sum(turn.cpu_ms().values()):5.1f} ms"
        + (f"  others {others:.0%}" if others > NOISY else "")
        + (f"  {turn.read_rate:.0f} reads/s" if turn.reads else "")
        + (f"  refused {turn.refused}" if turn.refused else "")
    )


def summary(turns: Sequence[Turn], about: About) -> list[str]:
    """Everything that a person asks first, below the lines of the turns."""
    lines = ["", "What a booking costs (medians of the rounds):", *costs(turns)]
    lines += [
        "",
        "product / peer, in the same round (median, and each round):",
        *ratio_lines(turns),
    ]
    lines += ["", "Memory, proportional set size in MiB:"]
    for engine, sizes in about["memoryMiB"].items():
        named = ", ".join(f"{name} {mib:.0f}" for name, mib in sizes.items())
        lines.append(f"{engine:<18} {sum(sizes.values()):6.0f}: {named}")
    for what, runs in (("events", about["temporalEvents"]), ("Actions", about["temporalActions"])):
        if runs:
            lines.append(
                f"Temporal {what} a booking: {statistics.median(runs):g} "
                f"({min(runs)} to {max(runs)} in {len(runs)} runs)"
            )
    most = max((turn.others(about["cores"]) for turn in turns), default=0.0)
    lines.append(f"Others used up to {most:.0%} of the machine during a turn{_advice(most)}")
    return lines + [f"void: {problem}" for problem in about["problems"]]


def costs(turns: Sequence[Turn]) -> list[str]:
    """For each engine and number of users what a booking costs: the median of the rounds."""
    lines: list[str] = []
    for engine, users in dict.fromkeys((turn.engine, turn.users) for turn in turns):
        some = [turn for turn in turns if (turn.engine, turn.users) == (engine, users)]
        cpu = medians([turn.cpu_ms() for turn in some])
        named = {name: ms for name, ms in cpu.items() if ms >= SMALL}
        shown = ", ".join(f"{name} {ms:.1f}" for name, ms in sorted(named.items(), key=_last))
        of_postgres = medians([turn.of_postgres() for turn in some])
        lines.append(
            f"{engine:<18} {users:>3} users  {sum(cpu.values()):6.1f} CPU-ms: {shown}; "
            f"{of_postgres.get('transactions', 0):.1f} transactions, "
            f"{of_postgres.get('wal_flushes', 0):.1f} flushes, "
            f"{of_postgres.get('wal_bytes', 0) / 1000:.1f} kB of WAL"
        )
    return lines


def ratio_lines(turns: Sequence[Turn]) -> list[str]:
    """One line for each peer and number of users; in brackets the rounds behind a median."""
    rows: dict[tuple[str, int], list[str]] = {}
    for each in ratios(turns):
        by_round = " ".join(f"{ratio:.2f}" for ratio in each.by_round)
        told = f"{each.measure} {each.median:.2f} ({by_round})"
        rows.setdefault((each.peer, each.users), []).append(told)
    return [
        f"{peer:<18} {users:>3} users  {'  '.join(told)}" for (peer, users), told in rows.items()
    ]


def _advice(most: float) -> str:
    return ": measure again when it is quiet." if most > NOISY else "."


def medians(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Name by name."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: statistics.median(row[name] for row in rows if name in row) for name in names}


def _three(values: Mapping[str, float]) -> str:
    return " ".join(f"{values[name]:6.1f}" for name in ("p50", "p95", "p99"))


def _last(item: tuple[str, float]) -> float:
    return -item[1]
