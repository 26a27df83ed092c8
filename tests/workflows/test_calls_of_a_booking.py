"""How much Python the tasks of one booking are, counted by its calls: noise does not move that."""

import gc
import logging
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import FrameType
from typing import Any, TypeVar

import pytest
from temporalio.worker import Replayer

from adapters.temporal.client import priyom_plugin
from tests.workflows.recordings import EVERY_WORKFLOW, recorded
from worker.sandbox import workflow_runner

Answer = TypeVar("Answer")

BOOKED = "confirmed-directly"
COUNTED_ON = (3, 11)
TASKS, CALLS = 7, 2300
"""Of Python and of C, the SDK's included, from the hold to the end of the run: 2 204 when this was
written, on every run."""


class Counted(ThreadPoolExecutor):
    """Counts the calls within each task; what the garbage collector calls is nobody's."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)
        self.tasks = 0
        self.calls = 0

    def submit(self, work: Callable[..., Answer], /, *args: Any, **named: Any) -> Future[Answer]:
        return super().submit(self._counted, work, *args, **named)

    def _counted(self, work: Callable[..., Answer], /, *args: Any, **named: Any) -> Answer:
        self.tasks += 1
        gc.disable()
        sys.setprofile(self._count)
        try:
            return work(*args, **named)
        finally:
            sys.setprofile(None)
            gc.enable()

    def _count(self, _frame: FrameType, event: str, _of: object) -> None:
        self.calls += event in {"call", "c_call"}


@pytest.mark.skipif(sys.version_info[:2] != COUNTED_ON, reason="the interpreter's own calls differ")
async def test_the_tasks_of_a_booking_are_within_their_budget(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    await replayed()  # what is compiled once a process is no booking's

    booked = await replayed()

    assert 2 <= booked.tasks <= TASKS
    assert 1000 <= booked.calls <= CALLS


async def replayed() -> Counted:
    counted = Counted()
    replayer = Replayer(
        workflows=EVERY_WORKFLOW,
        workflow_runner=workflow_runner(),
        workflow_task_executor=counted,
        plugins=[priyom_plugin()],
    )
    await replayer.replay_workflow(recorded(BOOKED))
    return counted
