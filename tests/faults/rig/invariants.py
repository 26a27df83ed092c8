"""The invariants I1 to I10. Each judges the evidence alone: how many facts, and which are wrong."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from uuid import UUID

from domain.events import EventType, event_id
from tests.faults.rig.evidence import Change, Evidence, Row
from tests.faults.rig.history import Call, Kind
from tests.faults.rig.linearizable import TooManySteps, can_be_ordered
from tests.faults.rig.slots_in_order import operations_by_slot

ANSWER_WITHIN = 5.0
NETWORK = 1.0
"""What two busy cores and the links add to a timely answer, seconds."""
CLOSED_WITHIN = 60.0
TOLD_WITHIN = 90.0
"""After the healing, the audit finds an event that no run can publish any more."""
CLOCK_STEP = 0.05

ENDED = {"COMPLETED"}


@dataclass(frozen=True)
class Finding:
    """How many facts were examined, and a description of each wrong one."""

    checked: int
    wrong: Sequence[str] = ()


def one_live_row_a_slot(evidence: Evidence) -> Finding:
    """I1: no two visits overlap at any instant, judged by the committed changes of the rows."""
    by_slot: dict[tuple[str, str], list[tuple[float, float, UUID]]] = defaultdict(list)
    for id_, changes in _by_id(evidence.changes).items():
        slot = changes[0].doctor_id, changes[0].starts_at
        by_slot[slot] += [(begun, ended, id_) for begun, ended in _live(changes)]
    wrong = [
        f"{slot}: {one[2]} and {other[2]} were both live"
        for slot, spans in by_slot.items()
        for one, other in pairwise(sorted(spans))
        if one[1] > other[0] + CLOCK_STEP and one[2] != other[2]
    ]
    return Finding(len(by_slot), wrong)


def a_lapsed_hold_is_bookable(evidence: Evidence) -> Finding:
    """I2: somebody else can take the slot of a hold that is over; this was tried."""
    return Finding(evidence.lapsed_probed, evidence.not_bookable)


def one_event_for_each_version(evidence: Evidence) -> Finding:
    """I3: each confirmed and each cancelled visit has its event, by one id; nothing else has."""
    told: dict[UUID, set[tuple[UUID, str, int]]] = defaultdict(set)
    for event in evidence.events:
        told[event.appointment_id].add((event.id, event.type, event.sequence))
    wrong = []
    for row in evidence.rows.values():
        expected = set(_events_of(row))
        found = told.get(row.id, set())
        is_right = found <= expected if row.id in evidence.stopped else found == expected
        if not is_right:
            wrong.append(f"{row.id} ({row.status}): told {found}, expected {expected}")
    wrong += [f"{id_}: told, but has no row" for id_ in told.keys() - evidence.rows.keys()]
    return Finding(len(evidence.rows), wrong)


def no_read_shows_a_confirmed_slot_free(evidence: Evidence) -> Finding:
    """I4: after a confirmed answer every read of the day shows it, unless a cancellation began."""
    days = [c for c in evidence.calls if c.kind is Kind.DAY and c.status == 200]
    confirmed = _first(evidence.calls, Kind.CONFIRM, by_end=True)
    cancels = _first(evidence.calls, Kind.CANCEL, by_end=False)
    wrong = []
    checked = 0
    for day in days:
        who = day.booking.appointment_id
        if confirmed.get(who, inf) <= day.begun and cancels.get(who, inf) > day.ended:
            checked += 1
            if day.body["state"] != "booked":
                wrong.append(f"{who}: confirmed, and its slot was shown {day.body['state']}")
    return Finding(checked, wrong)


def answers_agree_with_one_order(evidence: Evidence) -> Finding:
    """I5: some order of each slot's calls explains all answers and the rows."""
    by_slot = operations_by_slot(
        evidence.calls, evidence.rows, now=evidence.now, stopped=evidence.stopped
    )
    wrong = []
    for slot, operations in by_slot.items():
        try:
            explained = can_be_ordered(operations)
        except TooManySteps:
            wrong.append(f"{slot}: too entangled to be judged")
            continue
        if not explained:
            story = sorted(operations, key=lambda o: o.begun)
            lines = [f"{o.begun:.3f} to {o.ended:.3f} {o.who[:8]} {o.what}" for o in story]
            wrong.append(f"{slot}: no order explains\n    " + "\n    ".join(lines))
    return Finding(len(by_slot), wrong)


def a_confirmed_answer_is_kept(evidence: Evidence) -> Finding:
    """I6: each acknowledged confirmation has a row that is confirmed, or was cancelled later."""
    ids = {c.booking.appointment_id for c in _answered(evidence.calls, Kind.CONFIRM)}
    rows = evidence.rows
    wrong = [
        f"{id_}: acknowledged, but its row is {rows[id_].status if id_ in rows else 'not there'}"
        for id_ in ids
        if id_ not in rows or not rows[id_].was_confirmed
    ]
    return Finding(len(ids), wrong)


def every_run_closes(evidence: Evidence) -> Finding:
    """I7: every run ends as expected, without bugs, within its hold and a minute of healing."""
    wrong = []
    for run in evidence.runs:
        latest = max(evidence.healed_at, run.begun_at) + evidence.hold_seconds + CLOSED_WITHIN
        stopped = run.appointment_id in {str(id_) for id_ in evidence.stopped}
        if run.closed_at is None or run.closed_at > latest:
            wrong.append(f"{run.id}: not closed in time")
        elif run.status not in ENDED and not stopped:
            wrong.append(f"{run.id}: {run.status}")
        wrong += [f"{run.id}: workflow task failed: {cause}" for cause in run.task_failures]
    return Finding(len(evidence.runs), wrong)


def each_change_happened_once(evidence: Evidence) -> Finding:
    """I8: no step took effect twice. The version of a row counts its changes."""
    wrong = []
    for row in evidence.rows.values():
        ended = row.was_held and row.status in {"cancelled", "expired"}
        expected = 1 + row.extensions + int(row.was_confirmed) + int(ended)
        if row.version != expected:
            wrong.append(f"{row.id} ({row.status}): version {row.version}, expected {expected}")
    return Finding(len(evidence.rows), wrong)


def no_patient_data_outside(evidence: Evidence) -> Finding:
    """I9: no name, phone or address of a patient was found where it must not be."""
    return Finding(evidence.places_read, evidence.leaks)


def every_call_is_answered_in_time(evidence: Evidence) -> Finding:
    """I10: every answer is in time, and none reports a bug, unless the API itself was away."""
    wrong = []
    checked = 0
    for call in evidence.calls:
        if any(call.begun < end and call.ended > start for start, end in evidence.nobody_to_answer):
            continue
        checked += 1
        if call.status is None:
            wrong.append(f"{call.kind} {call.booking.appointment_id}: {call.body.get('fault')}")
        elif call.seconds > ANSWER_WITHIN + NETWORK + _starved(evidence, call):
            wrong.append(f"{call.kind} {call.status}: after {call.seconds:.1f} s")
        elif call.status >= 500 and call.status != 503:
            wrong.append(f"{call.kind} {call.booking.appointment_id}: {call.status}")
    return Finding(checked, wrong)


INVARIANTS: dict[str, Callable[[Evidence], Finding]] = {
    "I1": one_live_row_a_slot,
    "I2": a_lapsed_hold_is_bookable,
    "I3": one_event_for_each_version,
    "I4": no_read_shows_a_confirmed_slot_free,
    "I5": answers_agree_with_one_order,
    "I6": a_confirmed_answer_is_kept,
    "I7": every_run_closes,
    "I8": each_change_happened_once,
    "I9": no_patient_data_outside,
    "I10": every_call_is_answered_in_time,
}


def _by_id(changes: Sequence[Change]) -> dict[UUID, list[Change]]:
    found: dict[UUID, list[Change]] = defaultdict(list)
    for change in changes:
        found[change.id].append(change)
    return {id_: sorted(each, key=lambda change: change.version) for id_, each in found.items()}


def _live(changes: Sequence[Change]) -> Iterator[tuple[float, float]]:
    """When the row occupied its slot: an unconfirmed hold until its end at most."""
    for change, after in zip(changes, [*changes[1:], None], strict=True):
        ended = after.at if after is not None else inf
        if change.status == "confirmed":
            yield change.at, ended
        elif change.status == "held":
            goes_on = after is not None and after.status in {"held", "confirmed"}
            yield change.at, ended if goes_on else min(ended, change.held_until)


def _events_of(row: Row) -> Iterator[tuple[UUID, str, int]]:
    if not row.was_confirmed:
        return
    confirmed = row.version - 1 if row.status == "cancelled" else row.version
    kinds = [(EventType.CONFIRMED, confirmed)]
    if row.status == "cancelled":
        kinds.append((EventType.CANCELLED, row.version))
    for kind, version in kinds:
        yield event_id(row.id, version, kind), kind.value, version


def _starved(evidence: Evidence, call: Call) -> float:
    """What the machine added, not the product: how late a plain timer fired meanwhile."""
    late = (lag for at, lag in evidence.lags if call.begun <= at <= call.ended)
    return max(late, default=0.0)


def _answered(calls: Sequence[Call], kind: Kind) -> list[Call]:
    return [call for call in calls if call.kind is kind and call.status == 200]


def _first(calls: Sequence[Call], kind: Kind, *, by_end: bool) -> dict[UUID, float]:
    """When each appointment's first such call was answered, or begun if it was not."""
    found: dict[UUID, float] = {}
    for call in calls:
        if call.kind is kind and (call.status == 200 or not by_end):
            at = call.ended if by_end else call.begun
            who = call.booking.appointment_id
            found[who] = min(at, found.get(who, inf))
    return found
