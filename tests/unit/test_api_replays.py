"""What a key was answered before, told from the row alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from api.booking.idempotency import held_at_first, is_same_wish
from domain.booking import Appointment, Status
from domain.errors import HoldExpired
from domain.rules import SlotWish

ANNA, HOUSE = UUID(int=1), UUID(int=2)
NINE = datetime(2027, 3, 1, 9, tzinfo=UTC)

CANCELLED = Appointment(
    appointment_id=UUID(int=3),
    status=Status.CANCELLED,
    patient_id=ANNA,
    doctor_id=HOUSE,
    clinic_id=UUID(int=4),
    starts_at=NINE,
    ends_at=NINE + timedelta(minutes=30),
    held_until=NINE - timedelta(days=1),
    version=3,
    created_at=NINE - timedelta(days=2),
    confirmed_at=NINE - timedelta(days=2),
    cancelled_at=NINE - timedelta(days=1),
    reason="mistake",
)


def wish(*, doctor_id: UUID = HOUSE, starts_at: datetime = NINE) -> SlotWish:
    return SlotWish(patient_id=ANNA, doctor_id=doctor_id, starts_at=starts_at, max_holds=3)


def test_instants_are_compared_and_not_the_way_they_are_written() -> None:
    in_moscow = NINE.astimezone(timezone(timedelta(hours=3)))

    assert is_same_wish(wish(starts_at=in_moscow), CANCELLED)


def test_another_doctor_or_another_time_is_another_wish() -> None:
    assert not is_same_wish(wish(doctor_id=ANNA), CANCELLED)
    assert not is_same_wish(wish(starts_at=NINE + timedelta(minutes=30)), CANCELLED)


def test_a_hold_is_told_as_it_was_at_first_whatever_became_of_it() -> None:
    first = held_at_first(CANCELLED)

    assert (first.status, first.version, first.extensions_left) == (Status.HELD, 1, 2)
    assert (first.confirmed_at, first.cancelled_at, first.reason) == (None, None, None)
    assert first.held_until == CANCELLED.held_until


def test_a_row_that_never_was_a_hold_is_told_as_expired() -> None:
    with pytest.raises(HoldExpired):
        held_at_first(replace(CANCELLED, held_until=None))


@pytest.mark.parametrize("status", [Status.HELD, Status.CONFIRMED, Status.EXPIRED])
def test_a_hold_that_was_extended_is_told_with_all_of_its_extensions_and_its_first_end(
    status: Status,
) -> None:
    first = replace(held_at_first(CANCELLED), held_until=NINE)
    row = replace(first, status=status, version=4, extensions_left=0)

    assert held_at_first(row) == first
