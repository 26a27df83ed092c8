"""Each server goes away for a minute at five bookings a second, and everything recovers by itself.

`make outages` prints the table. An outage of a minute is too long for every run of the faults.
"""

import asyncio
import time

import pytest

from tests.faults.rig.case import Case, Rig
from tests.faults.rig.history import Kind
from tests.faults.rig.load import Mix

A_MINUTE = 60
A_SECOND = 5
DRAINED_WITHIN = 60
OURS = ("api", "worker", "notifier")
NEEDED = ("postgres", "temporal")
"""Without these nothing can be booked; without the others everything goes on."""

pytestmark = pytest.mark.outage


@pytest.mark.parametrize("server", ["postgres", "temporal", "kafka", "valkey"])
async def test_a_server_is_away_for_a_minute(rig: Rig, server: str) -> None:
    title = f"{server} away for {A_MINUTE} s at {A_SECOND} bookings/s"
    async with rig.case(40, title) as case, case.arrivals(A_SECOND, mix=Mix(forget=0.02)):
        before = restarts(case)
        await case.confirmed(20)
        left = time.time()
        await case.stack.stop(server)
        case.injected(f"seconds without {server}", A_MINUTE)
        await asyncio.sleep(A_MINUTE - (time.time() - left))
        await case.stack.start(server)
        back = time.time()
        await case.confirmed(20, within=DRAINED_WITHIN)
        recovered = time.time() - back
        await asyncio.sleep(5)

    drained = last_of_the_backlog(case, back)
    unavailable = sum(call.status == 503 for call in case.history.calls)
    slowest = max(call.seconds for call in case.history.calls)
    print(
        f"\n{server:<9} away {back - left:3.0f} s: {len(case.history.calls)} calls, "
        f"{case.history.count(Kind.CONFIRM, 200)} confirmed, {unavailable} times 503, "
        f"slowest answer {slowest:.2f} s, 20 confirmed {recovered:.1f} s after the return, "
        f"backlog drained after {drained:.1f} s, {restarts(case) - before} restarts of ours"
    )
    assert drained <= DRAINED_WITHIN
    assert restarts(case) == before
    assert unavailable > 0 or server not in NEEDED


def restarts(case: Case) -> int:
    return sum(case.stack.kept(name).restarts for name in OURS)


def last_of_the_backlog(case: Case, back: float) -> float:
    """When the last run closed of those that were begun before the server was back, seconds."""
    closed = [run.closed_at for run in case.evidence.runs if run.begun_at < back and run.closed_at]
    return max(0.0, max(closed) - back)
