"""What is announced and shown about an appointment."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.booking import Refusal, Status
from domain.documents import document, timestamp
from domain.errors import REFUSALS, SlotTaken, refused
from domain.events import EventType, appointment_cancelled, appointment_confirmed, event_id
from tests.builders import MONDAY_NINE, an_appointment

CONFIRMED = an_appointment(status=Status.CONFIRMED, version=2, confirmed_at=MONDAY_NINE)


def test_an_event_repeats_its_id_and_has_another_for_another_version_or_type() -> None:
    event = appointment_confirmed(CONFIRMED)
    cancelled = replace(CONFIRMED, status=Status.CANCELLED, version=3, cancelled_at=MONDAY_NINE)

    assert appointment_confirmed(CONFIRMED).event_id == event.event_id
    assert event.event_id == event_id(CONFIRMED.appointment_id, 2, EventType.CONFIRMED)
    assert appointment_confirmed(replace(CONFIRMED, version=4)).event_id != event.event_id
    assert appointment_cancelled(cancelled).event_id != event.event_id
    assert (event.sequence, event.time) == (2, MONDAY_NINE)


@pytest.mark.parametrize("missing", ["confirmed_at", "ends_at", "version"])
def test_what_the_database_has_not_recorded_is_no_event(missing: str) -> None:
    facts = {"status": Status.CONFIRMED, "version": 2, "confirmed_at": MONDAY_NINE}

    with pytest.raises(ValueError, match="recorded"):
        appointment_confirmed(an_appointment(**(facts | {missing: None})))


def test_a_held_appointment_shows_its_deadline_and_what_time_may_be_added() -> None:
    shown = document(an_appointment())

    assert (shown["status"], shown["extensionsLeft"]) == ("held", 2)
    assert shown["heldUntil"] == timestamp(MONDAY_NINE - timedelta(days=1))
    assert shown["confirmedAt"] is None
    assert "code" not in shown


def test_a_confirmed_appointment_shows_no_hold() -> None:
    shown = document(CONFIRMED)

    assert (shown["heldUntil"], shown["extensionsLeft"]) == (None, 0)
    assert shown["confirmedAt"] == "2027-01-11T09:00:00Z"


def test_only_a_refused_appointment_says_why() -> None:
    pending = an_appointment(status=Status.REFUSED, version=None, ends_at=None)

    assert document(pending, code="slot_taken")["code"] == "slot_taken"
    assert "code" not in document(CONFIRMED, code="slot_taken")


def test_a_refusal_that_crossed_a_process_is_the_same_refusal() -> None:
    refusal = refused(Refusal(code="slot_taken"))

    assert isinstance(refusal, SlotTaken)
    assert str(refusal) == "Another patient has taken this slot."


def test_every_refusal_has_a_sentence_and_a_code_of_its_own() -> None:
    assert all((kind.__doc__ or "").endswith(".") for kind in REFUSALS.values())
    assert "refused" not in REFUSALS
