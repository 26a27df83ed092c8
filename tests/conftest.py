"""The way out of the test run."""

import gc
import os
import sys
import time

import pytest

ended_with = pytest.StashKey[int]()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[ended_with] = exitstatus


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End the process ourselves once everything has been said.

    Threads of the Temporal client may abort it while the interpreter ends (SDK issue 300), which
    would turn a green run red.
    """
    gc.collect()
    time.sleep(0.2)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(config.stash.get(ended_with, pytest.ExitCode.INTERNAL_ERROR))
