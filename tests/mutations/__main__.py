"""`make prove`: break the product on purpose, in a copy, and see that its tests notice.

One line a mutation goes to .faults/mutations.jsonl, from which docs/reliability.md is made.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.copied_checkout import CHECKOUT, copied_checkout
from tests.mutations.mutation import Mutation
from tests.mutations.mutations import MUTATIONS

REPORT = CHECKOUT / ".faults" / "mutations.jsonl"
TESTS_FAILED = 1
TOO_LONG = 100
"""Seconds for one test: some mutations make it wait for what never comes."""

OUTCOME = re.compile(r"^(FAILED|ERROR) (\S+(?: \S+)*?)(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What pytest said: its exit status, the tests that failed, the ones that could not begin."""

    status: int
    failed: frozenset[str]
    broken: frozenset[str]
    seconds: float
    output: str


def run(checkout: Path, tests: Sequence[str]) -> Run:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rfE", f"--timeout={TOO_LONG}", *tests],
        cwd=checkout,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    found = OUTCOME.findall(done.stdout)
    return Run(
        status=done.returncode,
        failed=frozenset(name for kind, name in found if kind == "FAILED"),
        broken=frozenset(name for kind, name in found if kind == "ERROR"),
        seconds=time.monotonic() - began,
        output=done.stdout,
    )


def verdict(mutation: Mutation, seen: Run) -> str:
    """Empty where every test that must be red is, and nothing is red for another reason."""
    if seen.status != TESTS_FAILED or seen.broken:
        return f"pytest ended with {seen.status}, {len(seen.broken)} could not begin"
    green = [name for name in mutation.red if not _is_red(name, seen.failed)]
    return f"SURVIVED: green are {', '.join(green)}" if green else ""


def _is_red(name: str, failed: frozenset[str]) -> bool:
    return any(each == name or each.startswith(f"{name}[") for each in failed)


def prove(mutations: Sequence[Mutation]) -> int:
    tests = sorted({name for mutation in mutations for name in mutation.red})
    with copied_checkout() as copy:
        unchanged = run(copy, tests)
        print(
            f"{'green' if not unchanged.status else 'RED':<9}{unchanged.seconds:6.1f} s  "
            f"the copy as it is, {len(tests)} tests",
            flush=True,
        )
        if unchanged.status:
            print(unchanged.output)
            return 1
        lines = [_line(mutation, _mutated(copy, mutation)) for mutation in mutations]
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text("".join(json.dumps(line) + "\n" for line in lines))
    survived = [line for line in lines if line["wrong"]]
    print(f"{len(lines) - len(survived)} of {len(lines)} mutations were noticed")
    return 1 if survived else 0


def _mutated(copy: Path, mutation: Mutation) -> Run:
    original = (copy / mutation.file).read_text()
    try:
        mutation.write_into(copy)
        return run(copy, mutation.red)
    finally:
        (copy / mutation.file).write_text(original)


def _line(mutation: Mutation, seen: Run) -> dict[str, object]:
    wrong = verdict(mutation, seen)
    print(
        f"{'red' if not wrong else 'SURVIVED':<9}{seen.seconds:6.1f} s  {mutation.name}", flush=True
    )
    if wrong:
        print(f"         {wrong}\n{seen.output[-3000:]}", flush=True)
    return {
        "mutation": mutation.name,
        "file": mutation.file,
        "at": mutation.at,
        "red": list(mutation.red),
        "seconds": round(seen.seconds, 1),
        "wrong": wrong,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", help="only mutations whose name has one of these")
    words = parser.parse_args().words
    chosen = [m for m in MUTATIONS if not words or any(word in m.name for word in words)]
    return prove(chosen)


if __name__ == "__main__":
    sys.exit(main())
