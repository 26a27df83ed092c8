"""Words that arrive in the instant in which a hold lapses: one end, and every answer is true to it.

The timer of the run, the deadline of the row and the patient's word meet within 50 ms.
"""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine

import pytest

from tests.faults.rig import gather
from tests.faults.rig.case import Case, Rig
from tests.faults.rig.history import Booking, Call, Kind

AT_ONCE = 125
"""Races of one round, ten seconds long."""
MOST_ROUNDS = 3
"""On a machine that is busy a round has races that began too late."""
BEGINNINGS = asyncio.Semaphore(6)
"""Holds that are asked for at once: a crowd would be let wait past its deadlines."""

NEAR = 0.05
LATE = 0.1
"""A word that left the front end later than this came to no race."""

Race = Callable[[Case, Booking, float], Coroutine[None, None, list[Call]]]


@pytest.mark.short
async def test_confirming_in_the_last_instant_a_few_times(rig: Rig) -> None:
    async with rig.case(24, "confirm at the deadline - 50 ms … + 50 ms, 30 times") as case:
        await races(case, confirm_at_the_deadline, times=30)


async def test_confirming_in_the_last_instant(rig: Rig) -> None:
    async with rig.case(24, "confirm at the deadline - 50 ms … + 50 ms, 1000 times") as case:
        await races(case, confirm_at_the_deadline, times=1000)


async def test_confirming_cancelling_and_lapsing_at_once(rig: Rig) -> None:
    async with rig.case(28, "confirm ∥ cancel ∥ timer, 200 times") as case:
        await races(case, confirm_and_cancel_at_the_deadline, times=200)


async def races(case: Case, race: Race, *, times: int) -> None:
    """Until so many patients had a race of their own; the ends must be those that were told."""
    answered: list[list[Call]] = []
    for _ in range(MOST_ROUNDS * times // AT_ONCE + MOST_ROUNDS):
        starters = min(AT_ONCE, times - len(answered))
        if starters == 0:
            break
        told = await asyncio.gather(
            *(race(case, case.booking(), nearness()) for _ in range(starters))
        )
        answered += [calls for calls in told if calls and not any(c.is_unknown for c in calls)]
    assert len(answered) == times, f"{len(answered)} of {times} came to a race, and to an answer"
    await ends_are_as_they_were_told(case, answered)
    statuses = {call.status for calls in answered for call in calls if call.kind is Kind.CONFIRM}
    assert statuses >= {200, 410}, "the races were lost, or won, before they began"


def nearness() -> float:
    return random.uniform(-NEAR, NEAR)


async def confirm_at_the_deadline(case: Case, booking: Booking, near: float) -> list[Call]:
    """Every third time another patient is there to take the slot as soon as it is free."""
    deadline = await hold(case, booking)
    if deadline < time.time() + NEAR:
        return []  # a machine that is busy told it too late
    confirming = say(case, Kind.CONFIRM, booking, deadline + near)
    if random.random() > 1 / 3:
        return [await confirming]
    rival = case.rig.supply.booking(booking.slot)
    taking = say(case, Kind.HOLD, rival, deadline + random.uniform(0, NEAR))
    confirmed, _ = await asyncio.gather(confirming, taking)
    return [confirmed]


async def confirm_and_cancel_at_the_deadline(
    case: Case, booking: Booking, near: float
) -> list[Call]:
    deadline = await hold(case, booking)
    if deadline < time.time() + NEAR:
        return []  # a machine that is busy told it too late
    confirming = say(case, Kind.CONFIRM, booking, deadline + near)
    cancelling = say(case, Kind.CANCEL, booking, deadline + nearness())
    return list(await asyncio.gather(confirming, cancelling))


async def hold(case: Case, booking: Booking) -> float:
    """When the hold lapses, by the database's clock, which is this machine's."""
    async with BEGINNINGS:
        held = await case.insist(Kind.HOLD, booking)
    return held.held_until or 0.0


async def say(case: Case, kind: Kind, booking: Booking, instant: float) -> Call:
    front_end = case.front_end()
    await asyncio.sleep(instant - time.time())
    call = await front_end.ask(kind, booking)
    await front_end.close()
    if abs(call.begun - instant) < LATE:
        case.injected(f"{kind} within {NEAR * 1000:.0f} ms of the deadline")
    return call


async def ends_are_as_they_were_told(case: Case, told: list[list[Call]]) -> None:
    """The rows themselves: confirmed if and only if that was the answer, cancelled the same."""
    database = gather.Database(url=case.stack.address("postgres"))
    rows = await database.rows(calls[0].booking.appointment_id for calls in told)
    for calls in told:
        row = rows[calls[0].booking.appointment_id]
        answers = {call.kind: call.status for call in calls}
        assert row.was_confirmed is (answers[Kind.CONFIRM] == 200), (answers, row)
        was_cancelled = row.status == "cancelled"
        assert was_cancelled is (answers.get(Kind.CANCEL) == 200), (answers, row)
