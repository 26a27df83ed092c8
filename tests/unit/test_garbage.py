"""Cycles are looked for seldom, and found before they take the machine."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# A run ends long after it began: by then it is among the old objects, which are looked at last.
RUNS_THAT_END_OLD = """
from collections import deque
from adapters.garbage import collect_garbage_seldom

class Run:
    alive = most = 0
    def __init__(self):
        self.itself = self
        Run.alive += 1
        Run.most = max(Run.most, Run.alive)
    def __del__(self):
        Run.alive -= 1

collect_garbage_seldom()
still_open = deque(maxlen=300_000)
for _ in range(1_500_000):
    still_open.append(Run())
print(Run.most)
"""


def test_what_was_old_when_it_ended_is_freed_before_there_is_much_of_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUNS_THAT_END_OLD],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert int(done.stdout) < 300_000 + 800_000
