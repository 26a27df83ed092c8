"""What the SDK's walks over payloads would have done to our tasks: nothing."""

from typing import Any

import pytest
import temporalio.bridge.worker as bridge
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter, PayloadCodec
from temporalio.worker import Replayer

from adapters.temporal.client import priyom_plugin
from tests.workflows.recordings import EVERY_WORKFLOW, of_today
from worker import sdk_patches as payload_walks
from worker.sandbox import workflow_runner
from worker.sdk_patches import StorageOperationMetrics, Walk, spare_payload_walks, spared

RECORDED = of_today()


class Reversed(PayloadCodec):
    """A codec, if a bad one."""

    async def encode(self, payloads: Any) -> list[Payload]:
        return [Payload(data=each.data[::-1]) for each in payloads]

    async def decode(self, payloads: Any) -> list[Payload]:
        return await self.encode(payloads)


class Watched:
    """A walk, and how often it changed its task or stored anything."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.walked = 0
        self.changed = 0

    async def __call__(self, task: Any, *rest: Any, **named: Any) -> StorageOperationMetrics:
        before = task.SerializeToString(deterministic=True)
        metrics = await self.walk(task, *rest, **named)
        self.walked += 1
        self.changed += metrics.payload_count or (
            task.SerializeToString(deterministic=True) != before
        )
        return metrics


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> tuple[Watched, Watched]:
    """Both walks; what is put in their place by the test goes with it."""
    decoding, encoding = Watched(bridge.decode_activation), Watched(bridge.encode_completion)
    monkeypatch.setattr(bridge, "decode_activation", decoding)
    monkeypatch.setattr(bridge, "encode_completion", encoding)
    return decoding, encoding


async def test_the_walks_that_are_spared_change_nothing(watched: tuple[Watched, Watched]) -> None:
    for path in RECORDED:
        await replay(path.stem, path.read_text())

    assert [walk.changed for walk in watched] == [0, 0]
    assert min(walk.walked for walk in watched) >= len(RECORDED) > 20


async def test_every_history_replays_without_them(watched: tuple[Watched, Watched]) -> None:
    assert spare_payload_walks()

    for path in RECORDED:
        await replay(path.stem, path.read_text())

    assert [walk.walked for walk in watched] == [0, 0]


def test_another_sdk_goes_on_as_it_does(
    watched: tuple[Watched, Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payload_walks, "version", lambda _: "1.36.0")

    assert not spare_payload_walks()
    assert (bridge.decode_activation, bridge.encode_completion) == watched


@pytest.mark.parametrize(("codec", "walks"), [(None, 0), (Reversed(), 1)])
async def test_with_a_codec_they_are_taken(codec: PayloadCodec | None, walks: int) -> None:
    taken: list[object] = []

    async def walk(task: object, _: DataConverter, *, flag: bool) -> StorageOperationMetrics:
        taken.append((task, flag))
        return StorageOperationMetrics()

    metrics = await spared(walk)("task", DataConverter(payload_codec=codec), flag=True)

    assert taken == [("task", True)] * walks
    assert metrics.payload_count == 0


async def replay(name: str, recorded: str) -> None:
    replayer = Replayer(
        workflows=EVERY_WORKFLOW,
        workflow_runner=workflow_runner(),
        plugins=[priyom_plugin()],
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(name, recorded))
