"""A process of ours with a bad setting: it says so in one line and ends."""

import os
import subprocess
import sys

import pytest

from stack.home import CHECKOUT

PROCESSES = ("api", "worker", "notifier", "stack.seed")


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_ends_at_once_with_one_line(process: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", process],
        cwd=CHECKOUT,
        env={**os.environ, "PRIYOM_SECRET": "s" * 32, "DATABASE_URL": "nonsense"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert "DATABASE_URL: must begin with postgresql://" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
