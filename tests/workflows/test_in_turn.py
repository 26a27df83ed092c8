"""Tasks of workflows in the loop's own thread: the runs are the same, and the loop stays ours."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from adapters.temporal.client import TemporalConnection, priyom_plugin
from api.booking.runs import Runs
from domain.booking import Result, Status
from tests.builders import a_request
from tests.fakes.clinic import FakeClinic
from tests.workflows.conftest import FrontDesk, working
from tests.workflows.recordings import EVERY_WORKFLOW, FOLDER
from worker.in_turn import InTurn, in_turn
from worker.sandbox import workflow_runner

RECORDED = sorted(FOLDER.glob("*.json"))


class Watched(InTurn):
    """Notes the threads that tasks were done in."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[int] = []

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        def noted(*args: Any, **named: Any) -> Any:
            self.threads.append(threading.get_ident())
            return work(*args, **named)

        return super().submit(noted, *args, **named)


@pytest.fixture
async def executor() -> Watched:
    return Watched()


@pytest.fixture
async def desk(temporal: WorkflowEnvironment, executor: Watched) -> AsyncIterator[FrontDesk]:
    clinic = FakeClinic()
    async with working(temporal.client, clinic, executor=executor):
        yield FrontDesk(
            environment=temporal, clinic=clinic, runs=Runs(TemporalConnection(temporal.client))
        )


async def test_every_history_replays_so(executor: Watched) -> None:
    loop = asyncio.get_running_loop()
    replayer = Replayer(
        workflows=EVERY_WORKFLOW,
        workflow_runner=workflow_runner(),
        workflow_task_executor=executor,
        plugins=[priyom_plugin()],
    )

    for path in RECORDED:
        await replayer.replay_workflow(WorkflowHistory.from_json(path.stem, path.read_text()))

    assert len(executor.threads) >= len(RECORDED) > 20
    assert set(executor.threads) == {threading.get_ident()}
    assert asyncio.get_running_loop() is loop


async def test_a_run_that_is_forgotten_after_each_task_is_booked(
    desk: FrontDesk, executor: Watched
) -> None:
    request = a_request()

    await desk.book(request)
    await desk.runs.confirm(request.appointment_id)

    assert await desk.run_of(request).result() == Result(status=Status.CONFIRMED)
    assert len(desk.clinic.events) == 1
    assert set(executor.threads) == {threading.get_ident()}


async def test_what_goes_wrong_is_told_to_whoever_awaits_it() -> None:
    loop = asyncio.get_running_loop()

    def breaks() -> None:
        asyncio._set_running_loop(None)  # noqa: SLF001 - as a task does
        raise KeyError

    with pytest.raises(KeyError):
        await loop.run_in_executor(InTurn(), breaks)
    assert asyncio.get_running_loop() is loop


def test_another_python_has_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(in_turn(), InTurn) is (sys.version_info[:2] == (3, 11))

    monkeypatch.setattr(sys, "version_info", (3, 14, 0))

    assert in_turn() is None
