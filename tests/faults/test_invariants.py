"""Each check of the fault cases goes red when it is shown what it must never see."""

from dataclasses import replace
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.events import EventType, event_id
from tests.faults.rig.evidence import Change, Event, Evidence, Row, Run
from tests.faults.rig.history import Booking, Call, Kind, Slot
from tests.faults.rig.invariants import INVARIANTS

NOON = 1_800_000_000.0
NINE = Slot(doctor_id="doctor", starts_at="2027-01-15T09:00:00Z", date="2027-01-15")
UNTIL = "2027-01-15T08:00:08+00:00"
NUMBERS = count()


def a_booking(slot: Slot = NINE) -> Booking:
    return Booking(appointment_id=uuid4(), patient_id=uuid4(), slot=slot, key="key")


def a_call(kind: Kind, booking: Booking, at: float, answer: int | None, **body: Any) -> Call:
    return Call(
        number=next(NUMBERS),
        client=1,
        kind=kind,
        booking=booking,
        begun=NOON + at,
        ended=NOON + at + 0.1,
        status=answer,
        body=body,
    )


def a_row(booking: Booking, status: str, version: int) -> Row:
    return Row(
        id=booking.appointment_id,
        doctor_id=booking.slot.doctor_id,
        starts_at=booking.slot.starts_at,
        status=status,
        held_until=NOON + 8,
        version=version,
        extensions=0,
        was_held=True,
        was_confirmed=status == "confirmed",
    )


def a_change(booking: Booking, at: float, status: str, version: int) -> Change:
    return Change(
        id=booking.appointment_id,
        doctor_id=booking.slot.doctor_id,
        starts_at=booking.slot.starts_at,
        at=NOON + at,
        status=status,
        held_until=NOON + 8,
        version=version,
    )


def an_event(booking: Booking, id_: UUID | None = None) -> Event:
    kind = EventType.CONFIRMED
    return Event(
        id=id_ or event_id(booking.appointment_id, 2, kind),
        type=kind.value,
        appointment_id=booking.appointment_id,
        sequence=2,
    )


ANNA, BORIS = a_booking(), a_booking()


def a_good_case(**changes: Any) -> Evidence:
    """Anna held at noon, confirmed a second later and saw her slot booked; Boris was refused."""
    good = Evidence(
        bookings={each.appointment_id: each for each in (ANNA, BORIS)},
        calls=[
            a_call(Kind.HOLD, ANNA, 0, 201, heldUntil=UNTIL),
            a_call(Kind.HOLD, BORIS, 0.5, 409, code="slot_taken"),
            a_call(Kind.CONFIRM, ANNA, 1, 200, status="confirmed"),
            a_call(Kind.DAY, ANNA, 2, 200, state="booked"),
        ],
        rows={ANNA.appointment_id: a_row(ANNA, "confirmed", 2)},
        changes=[a_change(ANNA, 0.05, "held", 1), a_change(ANNA, 1.05, "confirmed", 2)],
        events=[an_event(ANNA)],
        runs=[Run(id=f"appointment-{ANNA.appointment_id}", status="COMPLETED", closed_at=NOON + 2)],
        now=NOON + 30,
        healed_at=NOON + 10,
        hold_seconds=8,
        lapsed_probed=1,
        places_read=10,
    )
    return replace(good, **changes)


def with_calls(*calls: Call) -> Evidence:
    good = a_good_case()
    return replace(good, calls=[*good.calls, *calls])


def with_run(**changes: Any) -> Evidence:
    good = a_good_case()
    return replace(good, runs=[replace(good.runs[0], **changes)])


def with_another_live_row() -> Evidence:
    good = a_good_case()
    return replace(good, changes=[*good.changes, a_change(BORIS, 3, "held", 1)])


WRONG: dict[str, tuple[str, Evidence]] = {
    "two live rows of one slot": ("I1", with_another_live_row()),
    "a hold that is over and cannot be taken": ("I2", a_good_case(not_bookable=["slot"])),
    "a confirmed visit without its event": ("I3", a_good_case(events=[])),
    "an event with another id": (
        "I3",
        a_good_case(events=[an_event(ANNA), an_event(ANNA, UUID(int=1))]),
    ),
    "an event of an unconfirmed one": ("I3", a_good_case(events=[an_event(ANNA), an_event(BORIS)])),
    "a confirmed slot shown free": ("I4", with_calls(a_call(Kind.DAY, ANNA, 3, 200, state="free"))),
    "two who both hold one slot": (
        "I5",
        with_calls(a_call(Kind.HOLD, BORIS, 3, 201, heldUntil=UNTIL)),
    ),
    "a confirmed visit that reads as expired": (
        "I5",
        with_calls(a_call(Kind.READ, ANNA, 4, 200, status="expired")),
    ),
    "a confirm that is refused after it was granted": (
        "I5",
        with_calls(a_call(Kind.CONFIRM, ANNA, 4, 410, code="hold_expired")),
    ),
    "an answer that nothing explains": (
        "I5",
        with_calls(a_call(Kind.HOLD, BORIS, 3, 422, code="not_a_slot")),
    ),
    "an acknowledged confirmation without its row": ("I6", a_good_case(rows={})),
    "an acknowledged confirmation that expired": (
        "I6",
        a_good_case(rows={ANNA.appointment_id: a_row(ANNA, "expired", 2)}),
    ),
    "a run that does not close": ("I7", with_run(closed_at=None, status="RUNNING")),
    "a run that closes too late": ("I7", with_run(closed_at=NOON + 100)),
    "a run that failed": ("I7", with_run(status="FAILED")),
    "a run that is not deterministic": ("I7", with_run(task_failures=["NON_DETERMINISTIC_ERROR"])),
    "a change that happened twice": (
        "I8",
        a_good_case(rows={ANNA.appointment_id: a_row(ANNA, "confirmed", 3)}),
    ),
    "a patient's name in a log": ("I9", a_good_case(leaks=["worker.log has Privatnova"])),
    "a call without an answer": (
        "I10",
        with_calls(a_call(Kind.READ, BORIS, 3, None, fault="TimeoutError")),
    ),
    "an answer that says a bug": ("I10", with_calls(a_call(Kind.READ, BORIS, 3, 500))),
    "an answer past its deadline": (
        "I10",
        with_calls(replace(a_call(Kind.READ, BORIS, 3, 404), ended=NOON + 12)),
    ),
}


def test_nothing_is_wrong_with_a_good_case() -> None:
    evidence = a_good_case()

    found = {name: check(evidence) for name, check in INVARIANTS.items()}

    assert {name: finding.wrong for name, finding in found.items() if finding.wrong} == {}
    assert all(finding.checked for finding in found.values())


@pytest.mark.parametrize("what", WRONG)
def test_the_check_goes_red_at(what: str) -> None:
    name, evidence = WRONG[what]

    assert INVARIANTS[name](evidence).wrong


def test_every_invariant_is_shown_something_wrong() -> None:
    assert {name for name, _ in WRONG.values()} == set(INVARIANTS)
