"""One order of all calls about a slot: what has one, and what has none."""

from math import inf

import pytest

from tests.faults.rig import linearizable as order
from tests.faults.rig.linearizable import Effect, Operation, can_be_ordered


def op(who: str, effect: Effect, begun: float, ended: float | None = None) -> Operation:
    return Operation(who, "", begun, begun + 0.1 if ended is None else ended, effect)


def unknown(who: str, effect: Effect, begun: float) -> Operation:
    return op(who, effect, begun, inf)


POSSIBLE = {
    "two at once, one wins": [op("a", order.held(8), 0, 1), op("b", order.slot_taken, 0, 1)],
    "the next one after a lapse": [op("a", order.held(8), 0), op("b", order.held(17), 8.1)],
    "refused in the last moment of the hold": [
        op("a", order.held(8), 0),
        op("b", order.slot_taken, 8.5),
    ],
    "a hold without an answer that took the slot": [
        unknown("a", order.hold_without_answer(8), 0),
        op("b", order.slot_taken, 5),
        op("a", order.confirmed, 6),
    ],
    "a hold without an answer that was refused for good": [
        op("b", order.held(8), 0),
        unknown("a", order.hold_without_answer(inf), 1),
        op("b", order.cancelled, 2),
        op("a", order.slot_taken, 3),
    ],
    "a confirmation without an answer, told by a read": [
        op("a", order.held(8), 0),
        unknown("a", order.confirmed, 1),
        op("a", order.read("confirmed"), 30),
    ],
    "the stored answer of a hold that is over": [
        op("a", order.held(8), 0),
        op("a", order.hold_expired, 9),
        op("a", order.held(8), 10),
    ],
    "confirmed within the grace": [op("a", order.held(8), 0), op("a", order.confirmed, 9)],
    "an extended hold": [
        op("a", order.held(8), 0),
        op("a", order.extended(16), 7),
        op("b", order.slot_taken, 15),
    ],
}
IMPOSSIBLE = {
    "both hold it": [op("a", order.held(8), 0), op("b", order.held(9), 1)],
    "refused though it was free": [op("a", order.slot_taken, 0), op("b", order.held(8), 1)],
    "refused long after the lapse": [
        op("a", order.held(8), 0),
        op("b", order.slot_taken, 10.5),
    ],
    "taken from under a confirmed visit": [
        op("a", order.held(8), 0),
        op("a", order.confirmed, 1),
        op("b", order.held(18), 9),
    ],
    "confirmed long after the lapse": [op("a", order.held(8), 0), op("a", order.confirmed, 11)],
    "confirmed after somebody else took it": [
        op("a", order.held(8), 0),
        op("b", order.held(17), 8.5),
        op("a", order.confirmed, 9),
    ],
    "a confirmation that is gone": [
        op("a", order.held(8), 0),
        op("a", order.confirmed, 1),
        op("a", order.read("expired"), 30),
    ],
    "expired before its time": [op("a", order.held(8), 0), op("a", order.hold_expired, 3)],
}


@pytest.mark.parametrize("what", POSSIBLE)
def test_there_is_an_order_for(what: str) -> None:
    assert can_be_ordered(POSSIBLE[what])


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_there_is_no_order_for(what: str) -> None:
    assert not can_be_ordered(IMPOSSIBLE[what])
