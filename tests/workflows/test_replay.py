"""Every recorded history still replays: workflow code never changes under an open booking."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from adapters.temporal import priyom_plugin
from tests.workflows.conftest import HISTORIES
from workflows.book_appointment import BookAppointment
from workflows.cancel_appointment import CancelAppointment
from workflows.deliver_notifications import DeliverNotifications
from workflows.sandbox import sandboxed_runner

RECORDED = sorted(HISTORIES.glob("*.json"))
PATHS_OF_A_BOOKING = {"confirmed", "lapsed", "taken", "given-up", "extended", "compensated"}


def test_every_path_of_a_booking_is_recorded() -> None:
    assert {path.stem for path in RECORDED} >= PATHS_OF_A_BOOKING


@pytest.fixture(params=RECORDED, ids=lambda path: path.stem)
def history(request: pytest.FixtureRequest) -> WorkflowHistory:
    path: Path = request.param
    return WorkflowHistory.from_json(path.stem, path.read_text())


async def test_the_history_replays(history: WorkflowHistory) -> None:
    replayer = Replayer(
        workflows=[BookAppointment, CancelAppointment, DeliverNotifications],
        workflow_runner=sandboxed_runner(),
        plugins=[priyom_plugin()],
    )

    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)

    assert result.replay_failure is None
