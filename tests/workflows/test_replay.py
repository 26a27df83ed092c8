"""Every recorded history still replays: workflow code never changes under an open booking."""

import re
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from adapters.temporal.client import priyom_plugin
from tests.workflows.recordings import CHECKOUT, EVERY_WORKFLOW, FOLDER, keep
from worker.sandbox import sandboxed_runner

RECORDED = sorted(FOLDER.glob("*.json"))
RECORDS = re.compile(r'\brecord\(\s*"([a-z-]+)"')


def test_every_path_that_a_test_goes_is_recorded() -> None:
    sources = [path.read_text() for path in (CHECKOUT / "tests").rglob("test_*.py")]
    paths = {name for source in sources for name in RECORDS.findall(source)}

    assert paths <= {path.stem for path in RECORDED}, "make histories records what is missing"
    assert len(paths) >= 20


@pytest.fixture(params=RECORDED, ids=lambda path: path.stem)
def history(request: pytest.FixtureRequest) -> WorkflowHistory:
    path: Path = request.param
    return WorkflowHistory.from_json(path.stem, path.read_text())


async def test_the_history_replays(history: WorkflowHistory) -> None:
    replayer = Replayer(
        workflows=EVERY_WORKFLOW,
        workflow_runner=sandboxed_runner(),
        plugins=[priyom_plugin()],
    )

    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)

    assert result.replay_failure is None


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
