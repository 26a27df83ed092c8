"""How many processors a process may use, and how many of them Temporal gets."""

import os
from pathlib import Path

import pytest

from stack.processors import usable_processors
from stack.servers.temporal import go_runtime


@pytest.fixture
def four_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bound to four of 64 processors."""
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 2, 3, 5}, raising=False)


@pytest.mark.usefixtures("four_of_many")
@pytest.mark.parametrize(
    ("quota", "usable"),
    [
        (None, 4),
        ("max 100000", 4),
        ("800000 100000", 4),
        ("150000 100000", 2),
        ("10000 100000", 1),
        ("not what it should be", 4),
    ],
)
def test_a_quota_counts_where_it_is_less(tmp_path: Path, quota: str | None, usable: int) -> None:
    file = tmp_path / "cpu.max"
    if quota is not None:
        file.write_text(f"{quota}\n")

    assert usable_processors(file) == usable


@pytest.mark.parametrize(("usable", "half"), [(1, "1"), (2, "1"), (3, "1"), (8, "4")])
def test_temporal_gets_half_of_them(
    monkeypatch: pytest.MonkeyPatch, usable: int, half: str
) -> None:
    monkeypatch.delenv("GOMAXPROCS", raising=False)
    monkeypatch.setattr("stack.servers.temporal.usable_processors", lambda: usable)

    assert go_runtime()["GOMAXPROCS"] == half


def test_whoever_runs_it_may_say_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOMAXPROCS", "7")

    assert go_runtime()["GOMAXPROCS"] == "7"
