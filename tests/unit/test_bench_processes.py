"""Engines that are not measured are paused: they and their children use nothing."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from bench.processes import cpu_seconds, own_cpu_seconds, pause, resume, tree_of

BUSY = "while True: pass"
WITH_A_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{BUSY}'])"
WITHIN = 60.0


@pytest.fixture
def parent() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", WITH_A_CHILD]) as process:
        try:
            until(lambda: len(tree_of(process.pid)) == 2 and cpu_seconds(process.pid) > 0.05)
            yield process.pid
        finally:
            for each in reversed(tree_of(process.pid)):
                each.kill()


def until(condition: Callable[[], bool], *, every: float = 0.05) -> None:
    """A look at processes costs some milliseconds."""
    deadline = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(every)


def states(pid: int) -> set[str]:
    return {each.status() for each in tree_of(pid)}


def test_a_paused_process_stops_with_its_children_and_goes_on_when_it_is_resumed(
    parent: int,
) -> None:
    pause([parent])
    until(lambda: states(parent) == {psutil.STATUS_STOPPED})
    used = cpu_seconds(parent)

    resume([parent])

    until(lambda: cpu_seconds(parent) > used)
    assert psutil.STATUS_STOPPED not in states(parent)


def test_a_process_that_has_gone_is_left_in_peace() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()

    pause([process.pid])

    assert process.pid not in psutil.pids()


def test_the_clients_cpu_is_without_that_of_its_children(parent: int) -> None:
    """However long they take on a machine that is busy, and however often one looks meanwhile."""
    ours, theirs = own_cpu_seconds(), cpu_seconds(parent)

    until(lambda: cpu_seconds(parent) > theirs + 0.3, every=0.5)

    used = cpu_seconds(parent) - theirs
    assert own_cpu_seconds() - ours < used / 2
