"""Cycles are looked for seldom, and found before they take the machine."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# A run ends long after it began: by then it is among the old objects, which are looked at last.
WHEN_THE_OLD_ARE_LOOKED_AT = """
import gc
from adapters.process.gc_tuning import collect_garbage_seldom

kept, looks = [], []

def note(phase, info):
    if phase == "start" and info["generation"] == 2:
        looks.append(len(kept))

collect_garbage_seldom()
gc.callbacks.append(note)
while len(kept) < 1_600_000 and len(looks) < 2:
    kept.append([])
print(*looks)
"""


def test_the_old_are_looked_at_seldom_and_before_there_is_much_of_them() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WHEN_THE_OLD_ARE_LOOKED_AT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    first, second = map(int, done.stdout.split())
    assert 500_000 < first < 800_000
    assert 500_000 < second - first < 800_000
