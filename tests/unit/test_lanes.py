"""`make test` runs every test once, several parts at a time, and tells it as one run."""

import asyncio
import os
import subprocess
import sys
from collections import Counter

import pytest

from stack.home import CHECKOUT
from tests.lanes import PARTS, TESTS, Ended, Part, in_lanes, summary

GREEN = Ended(status=0, output="....\n==== 4 passed, 2 deselected in 1.25s ====\n")
RED = Ended(
    status=1,
    output="F.\nFAILED tests/unit/test_slot.py::test_it - assert 1 == 2\n"
    "==== 1 failed, 1 passed in 61.25s (0:01:01) ====\n",
)
KILLED = Ended(status=-9, output="..")

LANES_ON_ONE = """
import os
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
from tests.lanes import LANES
print(LANES)
"""


def test_every_file_of_tests_is_in_one_part() -> None:
    files = {str(path.relative_to(CHECKOUT)) for path in TESTS.rglob("test_*.py")}

    assert Counter(file for part in PARTS for file in part.files()) == Counter(files)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no process is bound here")
def test_who_may_use_one_processor_of_many_has_two_lanes() -> None:
    """In a container there would be one for each processor of the machine that it is on."""
    told = subprocess.run(
        [sys.executable, "-c", LANES_ON_ONE], cwd=CHECKOUT, check=True, capture_output=True
    )

    assert told.stdout == b"2\n"


async def test_a_lane_that_is_free_takes_the_next_part_and_each_part_runs_once() -> None:
    parts = [Part(name=name, patterns=()) for name in "abcd"]
    begun, first_ends = list[str](), asyncio.Event()

    async def run(part: Part) -> Ended:
        begun.append(part.name)
        if part.name == "a":
            await first_ends.wait()
        elif part.name == "d":
            first_ends.set()
        return GREEN

    ended = await asyncio.wait_for(in_lanes(parts, run, lanes=2), 5)

    assert begun == ["a", "b", "c", "d"]
    assert len(ended) == 4


def test_the_summary_is_pytests_own_of_all_parts() -> None:
    assert summary([GREEN, RED], 62.5).splitlines() == [
        "FAILED tests/unit/test_slot.py::test_it - assert 1 == 2",
        " 1 failed, 5 passed, 2 deselected in 62.50s (0:01:02) ".center(80, "="),
    ]


def test_a_part_without_a_summary_is_an_error() -> None:
    assert " 4 passed, 2 deselected, 2 errors in " in summary([GREEN, KILLED, KILLED], 1)
