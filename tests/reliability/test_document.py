"""The page of reliability is made of what the runs have written, and hides nothing of it."""

from typing import Any

import pytest

from tests.reliability.__main__ import (
    DOCUMENT,
    PARTS,
    cases,
    complaints,
    mutations,
    soaks,
    with_table,
)
from tests.reliability.cases import CASES
from tests.workflows.recordings import CHECKOUT

LINE: dict[str, Any] = {
    "case": 3,
    "title": "worker killed",
    "injected": {"kill worker": 2},
    "bookings": 10,
    "holds": 14,
    "calls": 40,
    "unknown": 1,
    "answers": {"hold 201": 14},
    "checked": {"I1": 14, "I5": 40},
    "wrong": {},
    "seconds": 21.4,
    "test": "tests/faults/test_x.py::test_a",
    "note": "",
    "command": "make faults ARGS='-k test_a'",
}


def test_every_case_of_the_list_is_there_once_and_in_order() -> None:
    assert [case.number for case in CASES] == list(range(1, 48))


def test_every_test_that_shows_a_case_exists() -> None:
    for shown in (shown for case in CASES for shown in case.shown):
        path = shown.test.partition("::")[0].partition(" ")[0]
        assert (CHECKOUT / path).exists(), path
        name = shown.test.partition("::")[2]
        if name:
            assert name in (CHECKOUT / path).read_text(), shown.test


def test_a_case_is_a_row_with_its_figures_and_its_command() -> None:
    row = next(row for row in cases([LINE]) if row.startswith("| 3 |"))

    assert "worker killed: kill worker: 2" in row
    assert "I1, I5: 54 facts, 0 wrong" in row
    assert "10 bookings, 14 holds, 40 calls, 1 unknown at first; 21 s" in row
    assert "`make faults ARGS='-k test_a'`" in row


def test_a_case_that_ran_again_counts_as_it_was_the_last_time() -> None:
    rows = list(cases([LINE, {**LINE, "bookings": 99}]))

    assert sum(row.startswith("| 3 |") for row in rows) == 1
    assert any("99 bookings" in row for row in rows)


def test_what_is_wrong_is_told() -> None:
    red = {**LINE, "wrong": {"I3": 1}}
    survived = {"mutation": "m", "file": "f", "at": "a", "red": [], "seconds": 1, "wrong": "green"}

    assert "case 3: {'I3': 1}" in complaints("cases", [red])
    assert any("case 11 is neither" in line for line in complaints("cases", [LINE]))
    assert complaints("mutations", [survived])
    assert "**none: green**" in "\n".join(mutations([survived]))


def test_soaks_are_added_up() -> None:
    soak = {
        "at": "2026-11-22T23:00:00+00:00",
        "minutes": 20.0,
        "bookings": 2000,
        "faults": {"kill api": 3},
        "checked": {"I1": 9},
        "violations": 0,
        "grown": {"api": 0.012},
    }

    assert list(soaks([soak, soak]))[-1] == "In all 4000 bookings, 6 faults, 0 violations."


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_the_page_has_a_place_for_each_table(part: Any) -> None:
    text = DOCUMENT.read_text()

    once = with_table(text, part.name, "a table \\1")
    assert "\na table \\1\n" in once
    assert with_table(once, part.name, "a table \\1") == once


def test_what_came_to_many_links_is_counted_together() -> None:
    few = {f"reset (api → {name})": 1 for name in ("postgres", "kafka")}
    many = {f"delayed (api → {name})": 2 for name in ("postgres", "kafka", "valkey", "temporal")}
    line = LINE | {"injected": {**few, **many, "kill worker": 3}}

    told = "\n".join(cases([line]))

    assert (
        "reset (api → postgres): 1, reset (api → kafka): 1, delayed: 8 on 4 links, kill worker: 3"
        in told
    )
