"""`make reliability`: the tables of docs/reliability.md, from what the last runs have written.

The fault suite, `make prove` and the soaks leave lines under .faults/; what is not there leaves its
table as it was. Exit 1 where a case is neither shown nor explained, or a line tells of a violation.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fuzz.corpus import CORPUS
from tests.reliability.cases import CASES, FaultCase, Shown
from tests.workflows.recordings import CHECKOUT, FOLDER

DOCUMENT = CHECKOUT / "docs" / "reliability.md"
RUNS = CHECKOUT / ".faults"
CALLS = ("bookings", "holds", "calls")
MUTATION_TESTS_SHOWN = 2
LINKS_NAMED = 3

Line = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One generated part: its name in the markers, the file it is made from, and how."""

    name: str
    file: str
    table: Callable[[list[Line]], Iterator[str]]


def main() -> int:
    text = DOCUMENT.read_text()
    wrong: list[str] = []
    for part in PARTS:
        lines = _read(RUNS / part.file)
        if not lines:
            print(f"{part.name}: .faults/{part.file} is not there, left as it was")
            continue
        text = with_table(text, part.name, "\n".join(part.table(lines)))
        wrong += complaints(part.name, lines)
        print(f"{part.name}: made from {len(lines)} lines")
    DOCUMENT.write_text(text)
    print("\n".join(wrong))
    return 1 if wrong else 0


def _read(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def with_table(text: str, name: str, table: str) -> str:
    """The text with what stands between two markers replaced."""
    between = re.compile(rf"(<!-- {name}: generated -->\n).*?(<!-- end -->)", re.DOTALL)
    if not between.search(text):
        raise ValueError(f"{DOCUMENT.name} has no markers of {name}")
    return between.sub(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", text)


def complaints(name: str, lines: list[Line]) -> list[str]:
    if name == "cases":
        last = _last_of_each_test(lines)
        shown = {line["case"] for line in last}
        silent = [c for c in CASES if not (c.shown or c.why_not or c.number in shown)]
        return [
            *(f"case {case.number} is neither shown nor explained" for case in silent),
            *(f"case {line['case']}: {line['wrong']}" for line in last if line["wrong"]),
        ]
    bad = "wrong" if name == "mutations" else "violations"
    return [f"{name}: {line}" for line in lines if line[bad]]


def _last_of_each_test(lines: list[Line]) -> list[Line]:
    """A test that was run again counts as it was the last time."""
    return sorted({line["test"]: line for line in lines}.values(), key=lambda line: line["test"])


def cases(lines: list[Line]) -> Iterator[str]:
    by_case: dict[int, list[Line]] = {}
    for line in _last_of_each_test(lines):
        by_case.setdefault(line["case"], []).append(line)
    yield "| # | fault | injected | held | counted | command |"
    yield "|---|---|---|---|---|---|"
    for case in CASES:
        for line in by_case.get(case.number, []):
            yield _measured(case, line)
        for shown in case.shown:
            yield _shown(case, shown)
        if case.why_not:
            yield f"| {case.number} | {case.fault} | - | - | {case.why_not} | - |"
    yield ""
    yield _summed_up([line for found in by_case.values() for line in found])


def _measured(case: FaultCase, line: Line) -> str:
    if line["note"]:
        return _row(case, "-", "-", line["note"], line["command"])
    wrong = sum(line["wrong"].values())
    facts = sum(line["checked"].values())
    counted = [f"{line[name]} {name}" for name in CALLS if line[name]]
    return _row(
        case,
        f"{line['title']}: {_counts(line['injected'])}",
        f"{_span(list(line['checked']))}: {facts} facts, {wrong} wrong",
        f"{', '.join(counted)}, {line['unknown']} unknown at first; {line['seconds']:.0f} s",
        line["command"],
    )


def _shown(case: FaultCase, shown: Shown) -> str:
    figures = {"recordings": len(list(FOLDER.rglob("*.json"))), "hostile": len(CORPUS)}
    return _row(case, shown.injected, shown.held, shown.counted.format(**figures), shown.command)


def _row(case: FaultCase, injected: str, held: str, counted: str, command: str) -> str:
    cells = (case.fault, injected, held, counted)
    return f"| {case.number} | {' | '.join(map(_cell, cells))} | `{command}` |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _counts(counts: Mapping[str, int]) -> str:
    """What was done to more than a few links is counted together."""
    by_act: dict[str, list[str]] = {}
    for what in counts:
        act, _, link = what.partition(" (")
        by_act.setdefault(act if link else what, []).append(what)
    told: list[str] = []
    for act, whats in by_act.items():
        if len(whats) > LINKS_NAMED:
            told.append(f"{act}: {sum(counts[each] for each in whats)} on {len(whats)} links")
        else:
            told += [f"{each}: {counts[each]}" for each in whats]
    return ", ".join(told)


def _span(invariants: list[str]) -> str:
    """The first and the last in place of ten names: nearly every case is held against them all."""
    whole = [f"I{number}" for number in range(1, len(invariants) + 1)]
    return f"I1–{whole[-1]}" if invariants == whole else ", ".join(invariants)  # noqa: RUF001


def _summed_up(lines: list[Line]) -> str:
    ran = [line for line in lines if not line["note"]]
    return (
        f"{len(ran)} cases of the fault suite: {sum(line['bookings'] for line in ran)} bookings, "
        f"{sum(line['calls'] for line in ran)} calls, "
        f"{sum(sum(line['injected'].values()) for line in ran)} injections, "
        f"{sum(sum(line['checked'].values()) for line in ran)} facts checked, "
        f"{sum(sum(line['wrong'].values()) for line in ran)} violations, "
        f"{sum(line['seconds'] for line in ran) / 60:.0f} minutes."
    )


def mutations(lines: list[Line]) -> Iterator[str]:
    yield "| broken on purpose | where | red | seconds |"
    yield "|---|---|---|---|"
    for line in lines:
        red = _first([f"`{name.rpartition('/')[2]}`" for name in line["red"]])
        verdict = red if not line["wrong"] else f"**none: {_cell(line['wrong'])}**"
        where = f"`{line['file']}` `{line['at']}`"
        yield f"| {line['mutation']} | {where} | {verdict} | {line['seconds']:.0f} |"
    yield ""
    noticed = sum(not line["wrong"] for line in lines)
    yield f"{noticed} of {len(lines)} were noticed."


def _first(red: list[str]) -> str:
    """Two of them tell what noticed; .faults/mutations.jsonl has all."""
    more = len(red) - MUTATION_TESTS_SHOWN
    return "<br>".join([*red[:MUTATION_TESTS_SHOWN], *([f"and {more} more"] if more > 0 else [])])


def soaks(lines: list[Line]) -> Iterator[str]:
    yield "| at | minutes | bookings | faults | facts checked | violations | grown |"
    yield "|---|---|---|---|---|---|---|"
    for line in lines:
        grown = ", ".join(f"{name} {share:+.1%}" for name, share in line["grown"].items()) or "-"
        yield (
            f"| {line['at']} | {line['minutes']} | {line['bookings']} | "
            f"{sum(line['faults'].values())} | {sum(line['checked'].values())} | "
            f"{line['violations']} | {grown} |"
        )
    yield ""
    yield (
        f"In all {sum(line['bookings'] for line in lines)} bookings, "
        f"{sum(sum(line['faults'].values()) for line in lines)} faults, "
        f"{sum(line['violations'] for line in lines)} violations."
    )


PARTS = (
    Part(name="cases", file="report.jsonl", table=cases),
    Part(name="mutations", file="mutations.jsonl", table=mutations),
    Part(name="soaks", file="soaks.jsonl", table=soaks),
)


if __name__ == "__main__":
    sys.exit(main())
