"""The order of the test run, and the way out of it."""

import gc
import os
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest
import structlog
from coverage import Coverage
from hypothesis import settings

HERE = Path(__file__).parent
QUICK_FIRST = ("unit", "mutations", "reliability", "workflows", "integration")
"""Folders whose tests need no whole stack: a stack that is up slows all tests that come later."""

os.environ["PRIYOM_SIGN_IN"] = "off"
"""Most tests are not about who calls; those that are say so to the stack they start."""

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
"""How long a made-up case takes depends on what else the machine does."""

UNMEASURED = {"exhaustive", "unmeasured"}
"""Markers of tests whose lines others cover: the tracer of coverage would double their time."""

ended_with = pytest.StashKey[int]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    folder = item.path.relative_to(HERE).parts[0]
    if folder == "faults" and item.get_closest_marker("fault") is None:
        return 0  # what the rig counts with, without a rig
    return QUICK_FIRST.index(folder) if folder in QUICK_FIRST else len(QUICK_FIRST)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    measuring = Coverage.current()
    if measuring is None or not UNMEASURED & {marker.name for marker in item.iter_markers()}:
        return (yield)
    measuring.stop()
    try:
        return (yield)
    finally:
        measuring.start()


def pytest_collection_finish() -> None:
    """What was imported stays: no later search for garbage has to look at it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _plain_tracebacks() -> None:
    """As in the product: the default prints the local variables of every frame, for seconds."""
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], renderer])


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
