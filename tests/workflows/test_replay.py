"""Every recorded history still replays: workflow code never changes under an open booking.

The histories of build 0.1.0 replay with the announcing of that build, which is kept beside them.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from adapters.temporal.client import priyom_plugin
from tests.payload_keys import PAYLOAD_KEYS
from tests.workflows.build_0_1_0 import BookAppointmentOfBuild010, CancelAppointmentOfBuild010
from tests.workflows.recordings import (
    CHECKOUT,
    EVERY_WORKFLOW,
    FOLDER,
    history_in,
    keep,
    of_today,
)
from worker.sandbox import sandboxed_runner

OF_TODAY = of_today()
OF_BUILD_0_1_0 = sorted(set(FOLDER.glob("*.json")) - set(OF_TODAY))
BUILD_0_1_0 = (BookAppointmentOfBuild010, CancelAppointmentOfBuild010)
TOLD_HERE_FIRST = b'"announces_locally":true'
"""In the input of those bookings of build 0.1.0 that went the way that all go now."""
RECORDS = re.compile(r'\brecord\(\s*"([a-z-]+)"')


def test_every_path_that_a_test_goes_is_recorded() -> None:
    sources = [path.read_text() for path in (CHECKOUT / "tests").rglob("test_*.py")]
    paths = {name for source in sources for name in RECORDS.findall(source)}

    assert paths <= {path.stem for path in OF_TODAY}, "make histories records what is missing"
    assert len(paths) >= 20


@pytest.mark.parametrize("path", OF_TODAY, ids=lambda path: path.stem)
async def test_the_history_replays(path: Path) -> None:
    assert await replay_failure(history_in(path), EVERY_WORKFLOW) is None


@pytest.mark.parametrize("path", OF_BUILD_0_1_0, ids=lambda path: path.stem)
async def test_the_history_of_build_0_1_0_replays_with_its_announcing(path: Path) -> None:
    history = history_in(path)
    begun = history.events[0].workflow_execution_started_event_attributes
    build = EVERY_WORKFLOW if TOLD_HERE_FIRST in begun.input.payloads[0].data else BUILD_0_1_0

    assert await replay_failure(history, build) is None


async def replay_failure(history: WorkflowHistory, build: Sequence[type]) -> Exception | None:
    replayer = Replayer(
        workflows=build,
        workflow_runner=sandboxed_runner(),
        plugins=[priyom_plugin(keys=PAYLOAD_KEYS)],
    )
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    return result.replay_failure


@pytest.mark.parametrize(
    ("wanted", "before", "after"),
    [
        ("", None, None),
        ("missing", None, "recorded"),
        ("missing", "as it was", "as it was"),
        ("missing lapsed", "as it was", "as it was"),
        ("missing confirmed", "as it was", "recorded"),
        ("all", "as it was", "recorded"),
    ],
)
def test_a_recording_is_replaced_only_when_it_is_named(
    wanted: str, before: str | None, after: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "confirmed.json"
    if before is not None:
        path.write_text(before)

    keep("confirmed", WorkflowHistory("confirmed", []), wanted=wanted.split(), folder=tmp_path)

    found = path.read_text() if path.exists() else None
    assert ("recorded" if found == "{}\n" else found) == after
