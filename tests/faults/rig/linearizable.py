"""Linearizability of a slot: does some order of its calls explain every answer? (Wing and Gong)

Slots are independent, so each history is short. A call takes effect at one instant between its
invocation and its answer. A call without an answer takes effect at any later instant, or never. A
hold may lapse once its time is over, by the clock that recorded the calls.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from typing import Protocol

LAPSE_SLACK = 2.0
"""Seconds within which a hold past its end is bookable by others (I2)."""
GRACE = 2.0
"""A confirmation that was accepted in time may reach the row this much later."""
CLOCK_STEP = 0.05
"""Tolerance when instants are compared, seconds."""
MOST_STEPS = 50_000


@dataclass(frozen=True)
class State:
    """The state of a slot: who has it, and the outcome of everybody else who wanted it."""

    owner: str | None = None
    is_confirmed: bool = False
    until: float = inf
    ever_held: frozenset[str] = frozenset()
    cancelled: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    """Refused, lapsed or given up: these are never held again."""

    def freed(self, *, cancelled: bool = False) -> "State":
        owner = {self.owner or ""}
        return replace(
            self,
            owner=None,
            is_confirmed=False,
            until=inf,
            cancelled=self.cancelled | (owner if cancelled else set()),
            gone=self.gone | owner,
        )


class Effect(Protocol):
    """The possible states after the call in this state; none if its answer is wrong here."""

    def __call__(self, state: State, operation: "Operation", /) -> Iterator[State]: ...


@dataclass(frozen=True)
class Operation:
    """`begun` and `ended` bound the instant of the effect. A call without an answer has no end."""

    who: str
    what: str
    begun: float
    ended: float
    effect: Effect = field(compare=False, repr=False)

    @property
    def is_optional(self) -> bool:
        return self.ended == inf


class TooManySteps(Exception):
    """The search was abandoned: this history has too many concurrent calls."""


def can_be_ordered(operations: Sequence[Operation]) -> bool:
    """Whether some order explains all answers."""
    order = sorted(operations, key=lambda operation: operation.begun)
    seen: set[tuple[int, State]] = set()
    stack = [((1 << len(order)) - 1, State())]
    while stack:
        left, state = stack.pop()
        if all(order[n].is_optional for n in _members(left)):
            return True
        if (left, state) in seen:
            continue
        seen.add((left, state))
        if len(seen) > MOST_STEPS:
            raise TooManySteps
        stack.extend(_next(order, left, state))
    return False


def _next(order: Sequence[Operation], left: int, state: State) -> Iterator[tuple[int, State]]:
    members = list(_members(left))
    first_answer = min(order[n].ended for n in members)
    for n in members:
        operation = order[n]
        if operation.begun > first_answer:
            return
        for after in operation.effect(state, operation):
            yield left & ~(1 << n), after


def _members(left: int) -> Iterator[int]:
    while left:
        lowest = left & -left
        yield lowest.bit_length() - 1
        left ^= lowest


def is_over(state: State, operation: Operation) -> bool:
    """The hold may have lapsed when this call takes effect."""
    return not state.is_confirmed and state.until <= operation.ended + CLOCK_STEP


def may_still_live(state: State, operation: Operation, slack: float) -> bool:
    return state.is_confirmed or operation.begun <= state.until + slack + CLOCK_STEP


def held(until: float) -> Effect:
    """201: the slot was free, or its hold over; or a replay of an earlier answer."""

    def effect(state: State, operation: Operation) -> Iterator[State]:
        who = operation.who
        if who in state.ever_held:
            yield state
        elif who not in state.gone and (state.owner is None or is_over(state, operation)):
            before = state if state.owner is None else state.freed()
            yield replace(before, owner=who, until=until, ever_held=state.ever_held | {who})

    return effect


def slot_taken(state: State, operation: Operation) -> Iterator[State]:
    """409: somebody else has the slot, or had it when this key was first refused."""
    if operation.who in state.gone:
        yield state
    elif state.owner not in {None, operation.who} and may_still_live(state, operation, LAPSE_SLACK):
        yield state
        yield replace(state, gone=state.gone | {operation.who})


def not_for_this_patient(state: State, operation: Operation) -> Iterator[State]:
    """Refused because of the patient's other visits: this says nothing about the slot."""
    if state.owner != operation.who:
        yield state
        yield replace(state, gone=state.gone | {operation.who})


def confirmed(state: State, operation: Operation) -> Iterator[State]:
    if state.owner == operation.who and may_still_live(state, operation, GRACE):
        yield replace(state, is_confirmed=True)


def cancelled(state: State, operation: Operation) -> Iterator[State]:
    if state.owner == operation.who:
        yield state.freed(cancelled=True)
    elif operation.who in state.cancelled:
        yield state


def extended(until: float) -> Effect:
    def effect(state: State, operation: Operation) -> Iterator[State]:
        if state.owner == operation.who and not state.is_confirmed:
            yield replace(state, until=until)

    return effect


def hold_expired(state: State, operation: Operation) -> Iterator[State]:
    """410: the hold is over, or there was none. A confirmed visit never gets it."""
    if state.owner != operation.who:
        yield replace(state, gone=state.gone | {operation.who})
    elif is_over(state, operation):
        yield state.freed()


def already_cancelled(state: State, operation: Operation) -> Iterator[State]:
    if operation.who in state.cancelled:
        yield state


def already_confirmed(state: State, operation: Operation) -> Iterator[State]:
    if state.owner == operation.who and state.is_confirmed:
        yield state


def reads(status: str, state: State, operation: Operation) -> Iterator[State]:
    """What a read shows was true at one instant during the read."""
    is_owner = state.owner == operation.who
    match status:
        case "confirmed":
            right = is_owner and state.is_confirmed
        case "held":
            right = is_owner and not state.is_confirmed
        case "cancelled":
            right = operation.who in state.cancelled
        case "expired":
            right = not is_owner or is_over(state, operation)
        case _:
            right = not is_owner and operation.who not in state.ever_held
    if right:
        yield state


def read(status: str) -> Effect:
    return partial(reads, status)


def hold_without_answer(until: float) -> Effect:
    """A hold without an answer: it took the slot, or was refused, or had no effect."""
    took = held(until)

    def effect(state: State, operation: Operation) -> Iterator[State]:
        yield from took(state, operation)
        if operation.who not in state.ever_held:
            yield replace(state, gone=state.gone | {operation.who})

    return effect


def ended_by_itself(state: State, operation: Operation) -> Iterator[State]:
    """A hold without an answer may end early, because its run undoes it."""
    if state.owner == operation.who and not state.is_confirmed:
        yield state.freed()
        yield state.freed(cancelled=True)
