"""What a calendar makes of our letters, by the rules of RFC 5546: one entry, always the latest."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from uuid import UUID

import pytest
import vobject

from adapters.messages.rendering import letter
from adapters.messages.visit import Kind, Visit
from tests.messages import TUESDAY, a_visit


class CalendarOfAPatient:
    """Section 2.1.5: the entry of the higher SEQUENCE counts, of two with one the later DTSTAMP.

    Section 3.2.5: CANCEL takes the entry out. What arrives late is passed over.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, datetime]] = {}
        self.entries: dict[str, datetime] = {}

    def takes(self, file: str) -> None:
        calendar = vobject.readOne(file)
        event = calendar.vevent
        uid, is_as_new = event.uid.value, (int(event.sequence.value), event.dtstamp.value)
        if uid in self._seen and is_as_new < self._seen[uid]:
            return
        self._seen[uid] = is_as_new
        if calendar.method.value == "CANCEL":
            assert event.status.value == "CANCELLED"
            self.entries.pop(uid, None)
        else:
            assert calendar.method.value == "REQUEST"
            self.entries[uid] = event.dtstart.value


def file_of(visit: Visit) -> str:
    return letter(visit, account_url="https://x.example", sender="no-reply@x.example").calendar


BOOKED = a_visit()
MOVED = replace(
    BOOKED,
    kind=Kind.RESCHEDULED,
    version=3,
    changed_at=BOOKED.changed_at + timedelta(hours=1),
    starts_at=TUESDAY + timedelta(days=2),
    ends_at=TUESDAY + timedelta(days=2, minutes=30),
)
MOVED_AGAIN = replace(
    MOVED,
    version=4,
    changed_at=MOVED.changed_at + timedelta(hours=1),
    starts_at=TUESDAY - timedelta(hours=3),
    ends_at=TUESDAY - timedelta(hours=2),
)
CANCELLED = replace(MOVED_AGAIN, kind=Kind.CANCELLED, version=5)
REMINDED = replace(
    MOVED_AGAIN, kind=Kind.REMINDER, changed_at=MOVED_AGAIN.starts_at - timedelta(days=1)
)
UID = "1a2b3c4d-0000-4000-8000-000000000001@priyom"


def test_the_third_version_takes_the_place_of_the_first() -> None:
    calendar = CalendarOfAPatient()

    calendar.takes(file_of(BOOKED))
    calendar.takes(file_of(MOVED_AGAIN))

    assert calendar.entries == {UID: MOVED_AGAIN.starts_at}


@pytest.mark.parametrize("order", list(permutations([BOOKED, MOVED, MOVED_AGAIN])))
def test_letters_that_come_in_any_order_end_with_the_latest(order: tuple[Visit, ...]) -> None:
    calendar = CalendarOfAPatient()

    for visit in order:
        calendar.takes(file_of(visit))

    assert calendar.entries == {UID: MOVED_AGAIN.starts_at}


@pytest.mark.parametrize("late", [BOOKED, MOVED, MOVED_AGAIN, REMINDED])
def test_a_cancellation_takes_the_entry_out_and_no_late_letter_brings_it_back(late: Visit) -> None:
    calendar = CalendarOfAPatient()

    for visit in (BOOKED, MOVED_AGAIN, CANCELLED, late):
        calendar.takes(file_of(visit))

    assert calendar.entries == {}


def test_a_reminder_leaves_the_entry_as_it_is() -> None:
    calendar = CalendarOfAPatient()

    for visit in (BOOKED, MOVED_AGAIN, REMINDED):
        calendar.takes(file_of(visit))

    assert calendar.entries == {UID: MOVED_AGAIN.starts_at}


def test_two_appointments_are_two_entries() -> None:
    calendar = CalendarOfAPatient()
    other = replace(BOOKED, appointment_id=UUID("2b3c4d5e-0000-4000-8000-000000000002"))

    calendar.takes(file_of(BOOKED))
    calendar.takes(file_of(other))

    assert len(calendar.entries) == 2
