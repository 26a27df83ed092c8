"""Several processes on one socket: replaced when they die, gone when their parent goes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
PARENT = """
import signal, sys
from adapters.process.children import serve_in_children

def serve():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.pause()
    return 0

sys.exit(serve_in_children(2, serve))
"""


@contextmanager
def a_parent() -> Iterator[psutil.Process]:
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT) as program:
        parent = psutil.Process(program.pid)
        until(lambda: len(parent.children()) == 2)
        children = parent.children()
        try:
            yield parent
        finally:
            for process in (*children, parent):
                with suppress(psutil.NoSuchProcess):
                    process.kill()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def test_a_child_that_dies_is_replaced() -> None:
    with a_parent() as parent:
        first, second = parent.children()

        first.kill()

        until(lambda: len({each.pid for each in parent.children()} - {first.pid}) == 2)
        assert second.is_running()
        parent.terminate()
        until(lambda: parent.status() == psutil.STATUS_ZOMBIE)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_children_end_with_their_parent(how: signal.Signals) -> None:
    with a_parent() as parent:
        children = parent.children()

        os.kill(parent.pid, how)

        until(lambda: not any(is_alive(each) for each in children))


def is_alive(process: psutil.Process) -> bool:
    """It may end between two looks at it."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and bool(process.status() != psutil.STATUS_ZOMBIE)
    return False
