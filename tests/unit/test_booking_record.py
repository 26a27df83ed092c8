"""The record of one booking: what each caller is told, whatever happened before."""

from dataclasses import replace

import pytest

from domain.booking import Appointment, Outcome, Refusal, Result, Status
from domain.booking_record import BookingRecord
from domain.errors import AlreadyHeld, HoldExpired, SlotTaken
from domain.events import EventType
from tests.builders import MONDAY_NINE, a_request, an_appointment

REQUEST = a_request()
HELD = an_appointment(appointment_id=REQUEST.appointment_id)
CONFIRMED = replace(HELD, status=Status.CONFIRMED, version=2, confirmed_at=MONDAY_NINE)
CANCELLED = replace(HELD, status=Status.CANCELLED, version=2, cancelled_at=MONDAY_NINE)
EXPIRED = replace(HELD, status=Status.EXPIRED, version=2)

ENDS = [
    (CONFIRMED, "already_confirmed"),
    (CANCELLED, "already_cancelled"),
    (EXPIRED, "hold_expired"),
]


def a_record(*appointments: Appointment) -> BookingRecord:
    booking = BookingRecord(REQUEST)
    for appointment in appointments:
        booking.record(appointment)
    return booking


def code_in(outcome: Outcome | None) -> str | None:
    assert outcome is not None
    return outcome.refusal.code if outcome.refusal else None


def test_nothing_is_answered_before_the_hold_is_known() -> None:
    booking = a_record()

    assert booking.status is Status.PENDING
    assert booking.first_answer is None
    assert booking.outcome_of_extension(1) is None
    assert booking.why_closed is None


def test_the_hold_is_answered_with_the_row_as_it_was_first_held() -> None:
    booking = a_record(HELD, replace(HELD, version=2), CONFIRMED)

    assert booking.first_answer == Outcome(attempt_id=REQUEST.attempt_id, appointment=HELD)


def test_a_slot_that_was_not_held_is_refused_with_its_reason() -> None:
    booking = a_record()

    booking.end(SlotTaken().refusal)

    assert booking.status is Status.REFUSED
    assert booking.refusal == booking.why_it_ended == SlotTaken().refusal
    assert code_in(booking.first_answer) == "slot_taken"
    assert booking.result == Result(
        status=Status.REFUSED, code="slot_taken", refusal=SlotTaken().refusal
    )
    assert booking.event is None


def test_a_refusal_after_the_hold_is_an_end_and_not_a_refused_booking() -> None:
    booking = a_record(HELD, EXPIRED)

    booking.end(HoldExpired().refusal)

    assert booking.result == Result(status=Status.EXPIRED)
    assert booking.refusal is None
    assert code_in(booking.first_answer) is None


def test_a_row_that_had_ended_before_it_was_held_answers_with_its_end() -> None:
    booking = a_record(EXPIRED)

    booking.end()

    assert booking.first_answer is not None
    assert booking.first_answer.refusal == Refusal(
        code="hold_expired", appointment_id=REQUEST.appointment_id
    )


@pytest.mark.parametrize(("end", "code"), ENDS)
def test_whoever_wished_for_another_end_is_told_of_this_one(end: Appointment, code: str) -> None:
    booking = a_record(HELD, end)

    told = {
        wish: code_in(booking.outcome_of(wish)) for wish in (Status.CONFIRMED, Status.CANCELLED)
    }

    assert told == {wish: None if wish is end.status else code for wish in told}
    assert booking.why_closed == Refusal(code=code, appointment_id=REQUEST.appointment_id)
    assert booking.why_not_extended(1) == booking.why_closed
    assert code_in(booking.outcome_of_extension(1)) == code


def test_a_command_after_a_refused_hold_is_told_why() -> None:
    booking = a_record()
    booking.end(AlreadyHeld().refusal)

    assert code_in(booking.outcome_of(Status.CONFIRMED)) == "already_held"


def test_more_time_is_answered_to_the_version_that_was_seen() -> None:
    booking = a_record(HELD)

    booking.record(replace(HELD, version=2))
    booking.extended(1)
    booking.extended(2, HoldExpired().refusal)
    booking.record(EXPIRED)

    given = booking.outcome_of_extension(1)
    assert given is not None
    assert (given.appointment.version, given.refusal) == (2, None)
    assert code_in(booking.outcome_of_extension(2)) == "hold_expired"


@pytest.mark.parametrize(
    ("version", "left", "code"),
    [(1, 2, None), (2, 2, "version_mismatch"), (1, 0, "extension_limit")],
)
def test_more_time_is_given_to_the_latest_version_and_twice_at_most(
    version: int, left: int, code: str | None
) -> None:
    refusal = a_record(replace(HELD, extensions_left=left)).why_not_extended(version)

    assert (refusal.code if refusal else None) == code


def test_a_confirmed_visit_is_an_event_and_no_other_end_is() -> None:
    event = a_record(HELD, CONFIRMED).event

    assert event is not None
    assert (event.type, event.sequence) == (EventType.CONFIRMED, 2)
    assert [a_record(HELD, end).event for end in (HELD, CANCELLED, EXPIRED)] == [None] * 3
