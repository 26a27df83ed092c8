"""Everything is killed at once and comes back in any order; one patient wants everything."""

import asyncio
import random
from collections import Counter

from tests.faults.rig.case import Rig
from tests.faults.rig.history import Kind
from tests.faults.rig.stack import HOLD_SECONDS

HOLDS = 3
"""That one patient may have at once: a fourth begins when the first has lapsed, not before."""


async def test_everything_killed_at_once(rig: Rig) -> None:
    title = "kill -9 of every server and process at once, started again in random order"
    async with rig.case(41, title) as case, case.load():
        everything = list(case.stack.supervisor.kept)
        await case.confirmed(5)
        async with case.nobody_can_answer():
            await asyncio.gather(*(case.stack.kill_and_hold_down(name) for name in everything))
            case.injected("kill -9", len(everything))
            order = random.sample(everything, len(everything))
            async with asyncio.TaskGroup() as starts:
                for name in order:
                    starts.create_task(case.stack.start(name))
                    await asyncio.sleep(0.3)
        await case.confirmed(5)


async def test_one_patient_wants_fifty_slots(rig: Rig) -> None:
    title = "one patient takes 50 holds: the quota refuses"
    async with rig.case(43, title) as case, case.load(3):
        supply = case.rig.supply
        patient = supply.patients.popleft()
        wishes = [supply.booking(supply.slot(), patient) for _ in range(50)]
        held = await asyncio.gather(*(case.insist(Kind.HOLD, wish) for wish in wishes))
        case.injected("holds by one patient", len(held))

        answers = Counter(call.status for call in held)
        granted = [call for call in held if call.status == 201]
        ends = sorted(call.held_until for call in granted if call.held_until is not None)
        assert len(granted) == len(ends) >= HOLDS
        for first, fourth in zip(ends, ends[HOLDS:], strict=False):
            assert fourth - first >= HOLD_SECONDS
        assert answers[201] + answers[429] + answers[409] == 50
        for call in granted:
            await case.insist(Kind.CANCEL, call.booking)
