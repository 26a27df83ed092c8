"""A worker whose clock is wrong: when a hold is over, the database's clock decides."""

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from tests.faults.rig.case import Rig
from tests.faults.rig.clocks import shifted_clock
from tests.faults.rig.history import Kind
from tests.faults.rig.load import Mix
from tests.faults.rig.report import Line

MINUTES = 10
MANY_LAPSES = Mix(confirm=0.3, cancel=0.1, forget=0.4)


@pytest.mark.parametrize("minutes", [MINUTES, -MINUTES])
async def test_a_worker_whose_clock_is_wrong(
    rig: Rig, minutes: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    title = f"the worker's clock is {minutes:+} minutes off"
    environment = shifted_clock(tmp_path, seconds=minutes * 60)
    if environment is None:
        why = "neither libfaketime nor a C compiler is here; no code of the worker reads a clock"
        rig.report.write(
            Line(case=25, title=title, injected={}, note=why, test=request.node.nodeid)
        )
        return
    async with (
        rig.case(25, title, api_serves="reads") as case,
        case.stack.told("worker", **environment),
        case.load(mix=MANY_LAPSES),
    ):
        case.injected(f"worker's clock, minutes ({minutes:+})")
        assert_shifted(case.stack.home.logs / "worker.log", minutes)
        await case.answered(Kind.HOLD, 201, 12)
        await case.confirmed(5)


def assert_shifted(log: Path, minutes: int) -> None:
    """The process itself says what time it believes it is."""
    told = orjson.loads(log.read_bytes().splitlines()[-1])
    believed = datetime.fromisoformat(told["timestamp"])
    off = (believed - datetime.now(UTC)).total_seconds() / 60
    assert abs(off - minutes) < 1, told
