"""Turns the history of a case into operations on each slot, and checks that they can be ordered."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from uuid import UUID

from tests.faults.rig import linearizable as order
from tests.faults.rig.evidence import Row
from tests.faults.rig.history import READS, Call, Kind, Slot
from tests.faults.rig.linearizable import Effect, Operation

REFUSED: Mapping[str, Effect] = {
    "slot_taken": order.slot_taken,
    "hold_expired": order.hold_expired,
    "already_cancelled": order.already_cancelled,
    "already_confirmed": order.already_confirmed,
    "too_many_holds": order.not_for_this_patient,
    "patient_busy": order.not_for_this_patient,
}


def operations_by_slot(
    calls: Sequence[Call], rows: Mapping[UUID, Row], *, now: float, stopped: frozenset[UUID]
) -> dict[Slot, list[Operation]]:
    """The calls, the effects without an answer, and the final rows as a last read.

    `stopped` are bookings whose run an operator terminated: their holds may end at any time.
    """
    found: dict[Slot, list[Operation]] = defaultdict(list)
    answered = {c.booking.appointment_id for c in calls if _was_told(c)}
    for call in _without_repetitions(calls):
        if call.kind is not Kind.DAY and (operation := _operation(call, rows)) is not None:
            found[call.booking.slot].append(operation)
    for booking in {c.booking.appointment_id: c.booking for c in calls}.values():
        who, row = booking.appointment_id, rows.get(booking.appointment_id)
        if row is not None:
            status = "expired" if row.status == "held" and row.held_until < now else row.status
            last = Operation(str(who), f"row {status}", now, now, order.read(status))
            found[booking.slot].append(last)
        if who not in answered or who in stopped:
            begun = min(c.begun for c in calls if c.booking.appointment_id == who)
            found[booking.slot].append(
                Operation(str(who), "ends by itself", begun, inf, order.ended_by_itself)
            )
    return dict(found)


def _without_repetitions(calls: Sequence[Call]) -> Iterator[Call]:
    """Of unanswered repeats of a call keep the first: it allows every effect of the others."""
    seen: set[tuple[UUID, Kind, int | None]] = set()
    for call in sorted(calls, key=lambda call: call.begun):
        what = call.booking.appointment_id, call.kind, call.version
        if call.is_unknown and what in seen:
            continue
        if call.is_unknown:
            seen.add(what)
        yield call


def _was_told(call: Call) -> bool:
    return call.kind not in READS and not call.is_unknown


def _operation(call: Call, rows: Mapping[UUID, Row]) -> Operation | None:
    who = str(call.booking.appointment_id)
    row = rows.get(call.booking.appointment_id)
    told = f"{call.kind} {call.status} {call.code or ''}".strip()
    if call.is_unknown:
        if call.kind in READS:
            return None
        return Operation(who, told, call.begun, inf, _unanswered(call, row))
    effect = _effect(call)
    return Operation(who, told, call.begun, call.ended, effect or _never)


def _effect(call: Call) -> Effect | None:
    """None for an answer that no state of a slot explains."""
    until = call.held_until or inf
    if call.code == "appointment_not_found" and call.kind is not Kind.HOLD:
        return order.read("none")
    if call.code is not None and call.status != 200:
        return REFUSED.get(call.code)
    if call.kind is Kind.READ:
        return order.read(str(call.body.get("status")))
    agreed: Mapping[tuple[Kind, int | None], Effect] = {
        (Kind.HOLD, 201): order.held(until),
        (Kind.CONFIRM, 200): order.confirmed,
        (Kind.CANCEL, 200): order.cancelled,
        (Kind.EXTEND, 200): order.extended(until),
    }
    return agreed.get((call.kind, call.status))


def _unanswered(call: Call, row: Row | None) -> Effect:
    """The possible effect of an unanswered call. Only the row knows how long its hold lasts."""
    until = row.held_until if row is not None else inf
    effects: Mapping[Kind, Effect] = {
        Kind.HOLD: order.hold_without_answer(until),
        Kind.CONFIRM: order.confirmed,
        Kind.CANCEL: order.cancelled,
        Kind.EXTEND: order.extended(until),
    }
    return effects[call.kind]


def _never(*_: object) -> Iterator[order.State]:
    return iter(())
