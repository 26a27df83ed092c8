"""`make test`: every part in a pytest of its own, several at a time, and one summary of all.

Most tests wait longer than they compute. The servers of a part end with it, so that they take no
time from the parts that come later.
"""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from stack.home import CHECKOUT
from stack.processors import usable_processors
from stack.progress import Steps

TESTS = CHECKOUT / "tests"
LANES = usable_processors() + 1
"""One more than there are processors for us: while a test waits, another one computes."""

SLOWEST = ("--durations=8", "--durations-min=5")
SUMMARY = re.compile(r"^=+ (.+) in [\d.]+s.* =+$", re.MULTILINE)
KINDS = ("failed", "passed", "skipped", "deselected", "xfailed", "xpassed", "warning", "error")
"""In pytest's order; of the last two it has a plural."""
COUNT = re.compile(rf"(\d+) ({'|'.join(KINDS)})")
RED = re.compile(r"^(?:FAILED|ERROR) .*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Files of tests that share their servers, by patterns.

    Coverage is measured where the domain and the workflows run in the process of the tests.
    """

    name: str
    patterns: tuple[str, ...]
    measured: bool = False

    def files(self) -> list[str]:
        """By their paths in the checkout."""
        found = (path for pattern in self.patterns for path in TESTS.glob(f"{pattern}.py"))
        return sorted(str(path.relative_to(CHECKOUT)) for path in found)

    def argv(self) -> list[str]:
        measured = ("--cov", "--cov-report=", "--cov-fail-under=0") if self.measured else ()
        return [sys.executable, "-m", "pytest", *SLOWEST, *measured, *self.files()]


PARTS = (
    Part(name="rows", patterns=("integration/test_[a-l]*",), measured=True),
    Part(name="more rows", patterns=("integration/test_[m-z]*",), measured=True),
    Part(name="browser", patterns=("browser/test_*",)),
    Part(name="workflows", patterns=("workflows/test_*",), measured=True),
    Part(name="acceptance", patterns=("acceptance/test_*",)),
    Part(
        name="unit",
        patterns=("unit/test_*", "mutations/test_*", "reliability/test_*"),
        measured=True,
    ),
    Part(name="faults", patterns=("faults/test_*",)),
    Part(name="fuzz", patterns=("fuzz/test_*",)),
)
"""The longest first, so that what is left at the end is short."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How pytest ended, and what it said."""

    status: int
    output: str

    def counts(self) -> Counter[str]:
        """As in its last line; without one, it is an error itself."""
        lines = SUMMARY.findall(self.output)
        told = Counter({kind: int(count) for count, kind in COUNT.findall(" ".join(lines[-1:]))})
        return told or Counter(error=1)


async def in_lanes(
    parts: Sequence[Part], run: Callable[[Part], Awaitable[Ended]], *, lanes: int = LANES
) -> list[Ended]:
    """In this order, so many at a time."""
    left, ended = deque(parts), list[Ended]()

    async def lane() -> None:
        while left:
            ended.append(await run(left.popleft()))

    async with asyncio.TaskGroup() as group:
        for _ in range(lanes):
            group.create_task(lane())
    return ended


def summary(ended: Sequence[Ended], seconds: float) -> str:
    """The last lines of a pytest that had run all of it."""
    red = [line for each in ended for line in RED.findall(each.output)]
    counts = sum((each.counts() for each in ended), Counter[str]())
    told = ", ".join(
        f"{counts[kind]} {kind}{'s' * (kind in KINDS[-2:] and counts[kind] > 1)}"
        for kind in KINDS
        if counts[kind]
    )
    took = f"{seconds:.2f}s ({timedelta(seconds=round(seconds))})"
    return "\n".join([*red, f" {told} in {took} ".center(80, "=")])


async def _run(part: Part, place: Path, steps: Steps) -> Ended:
    output = place / f"{part.name}.txt"
    environment = {**os.environ, "COVERAGE_FILE": str(place / f".coverage.{part.name}")}
    steps.begin(part.name)
    with output.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *part.argv(), cwd=CHECKOUT, env=environment, stdout=log, stderr=log
        )
        try:
            await process.wait()
        finally:  # an interrupt reaches pytest as well, which stops its servers before it ends
            status = await process.wait()
    (steps.fail if status else steps.finish)(part.name)
    ended = Ended(status=status, output=output.read_text(errors="replace"))
    print(ended.output, flush=True)
    return ended


def _is_covered(place: Path) -> bool:
    """What the parts have covered together; `pyproject.toml` says how much it has to be."""
    coverage = (sys.executable, "-m", "coverage")
    combined = subprocess.run([*coverage, "combine", "--quiet", place], cwd=CHECKOUT, check=False)
    reported = subprocess.run([*coverage, "report"], cwd=CHECKOUT, check=False)
    return combined.returncode == reported.returncode == 0


def main() -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="priyom-tests-") as folder:
        place = Path(folder)
        with Steps() as steps:
            ended = asyncio.run(in_lanes(PARTS, lambda part: _run(part, place, steps)))
        covered = _is_covered(place)
    print(summary(ended, time.monotonic() - began))
    return 0 if covered and not any(each.status for each in ended) else 1


if __name__ == "__main__":
    sys.exit(main())
