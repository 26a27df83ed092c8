"""The JSON of a run: what is written, and read again by the plots."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from bench.figures import Turn, quantiles


class TurnResult(TypedDict):
    """One turn: latencies in ms, costs a booking; `others` is their share of the machine."""

    engine: str
    round: int
    users: int
    seconds: float
    drainSeconds: float
    bookings: int
    rate: float
    announcedRate: float
    refused: dict[str, int]
    heldMs: dict[str, float]
    confirmedMs: dict[str, float]
    cpuMs: dict[str, float]
    postgres: dict[str, float]
    others: float


class About(TypedDict):
    """Where and of what the figures are."""

    command: str
    cores: int
    python: str
    versions: dict[str, str]
    memoryMiB: dict[str, dict[str, float]]
    temporalEvents: list[int]
    temporalActions: list[int]
    problems: list[str]


class Results(TypedDict):
    """A whole run."""

    about: About
    turns: list[TurnResult]


def results(about: About, turns: Sequence[Turn]) -> Results:
    return Results(about=about, turns=[_turn(each, about["cores"]) for each in turns])


def write(path: Path, whole: Results) -> None:
    path.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")


def read(path: Path) -> Results:
    whole: Results = json.loads(path.read_text())
    return whole


def _turn(turn: Turn, cores: int) -> TurnResult:
    return TurnResult(
        engine=turn.engine,
        round=turn.round,
        users=turn.users,
        seconds=round(turn.seconds, 3),
        drainSeconds=round(turn.drain_seconds, 3),
        bookings=len(turn.confirmed),
        rate=round(turn.rate, 2),
        announcedRate=round(turn.announced_rate, 2),
        refused=turn.refused,
        heldMs=_rounded(quantiles(turn.held_ms)),
        confirmedMs=_rounded(quantiles(turn.confirmed_ms)),
        cpuMs=_rounded(turn.cpu_ms()),
        postgres=_rounded(turn.of_postgres()),
        others=round(turn.others(cores), 3),
    )


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}
