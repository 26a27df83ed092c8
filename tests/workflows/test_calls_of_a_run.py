"""How much Python the tasks of one booking, and of telling of it, are."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from temporalio.worker import Replayer

from adapters.temporal.client import priyom_plugin
from tests.calls import Calls, only_where_counted
from tests.payload_keys import PAYLOAD_KEYS
from tests.workflows.recordings import EVERY_WORKFLOW, recorded
from worker.sandbox import workflow_runner

Answer = TypeVar("Answer")


class Counted(ThreadPoolExecutor):
    """Counts the tasks, and the calls within them."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)
        self.tasks = 0
        self.calls = Calls()

    def submit(self, work: Callable[..., Answer], /, *args: Any, **named: Any) -> Future[Answer]:
        return super().submit(self._counted, work, *args, **named)

    def _counted(self, work: Callable[..., Answer], /, *args: Any, **named: Any) -> Answer:
        self.tasks += 1
        with self.calls:
            return work(*args, **named)


@only_where_counted
@pytest.mark.parametrize(
    ("recording", "tasks", "calls"),
    [
        # From the hold to the end of the run: 2 342, of which 75 tell its page the steps.
        ("confirmed-directly", 7, 2400),
        ("confirmed-at-once", 5, 1900),
        ("told", 3, 600),  # 550
    ],
)
async def test_the_tasks_of_a_run_are_within_their_budget(
    caplog: pytest.LogCaptureFixture, recording: str, tasks: int, calls: int
) -> None:
    """Of Python and of C, the SDK's included; beside each limit what it was, on every run."""
    caplog.set_level(logging.WARNING)
    await replayed(recording)  # what is compiled once a process is no run's

    run = await replayed(recording)

    assert 2 <= run.tasks <= tasks
    assert calls / 2 <= run.calls.made <= calls


async def replayed(recording: str) -> Counted:
    counted = Counted()
    replayer = Replayer(
        workflows=EVERY_WORKFLOW,
        workflow_runner=workflow_runner(),
        workflow_task_executor=counted,
        plugins=[priyom_plugin(keys=PAYLOAD_KEYS)],
    )
    await replayer.replay_workflow(recorded(recording))
    return counted
