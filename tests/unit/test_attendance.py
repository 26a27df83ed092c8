"""Whether a patient came: which mark may be made when, and what undoes it."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.attendance import Attended, Mark, marked, marked_as_seen, marks_of
from domain.booking import Status
from domain.errors import Changed, WrongState
from tests.builders import MONDAY_NINE, an_appointment

LATER = MONDAY_NINE + timedelta(minutes=5)
BEFORE = MONDAY_NINE - timedelta(minutes=5)
SUNDAY_EVENING = MONDAY_NINE - timedelta(hours=10)


def seen(
    status: Status,
    now: datetime = LATER,
    *,
    has_come: bool = False,
    zone: str = "Europe/London",
    version: int = 2,
) -> Attended:
    return Attended(
        visit=an_appointment(status=status, version=version),
        practitioner_id=an_appointment().doctor_id,
        arrived_at=BEFORE if has_come else None,
        zone=ZoneInfo(zone),
        now=now,
        was_made=False,
    )


@pytest.mark.parametrize(
    ("status", "mark", "becomes"),
    [
        (Status.CONFIRMED, Mark.ARRIVE, Status.ARRIVED),
        (Status.CONFIRMED, Mark.COMPLETE, Status.COMPLETED),
        (Status.CONFIRMED, Mark.NO_SHOW, Status.NO_SHOW),
        (Status.ARRIVED, Mark.COMPLETE, Status.COMPLETED),
        (Status.ARRIVED, Mark.UNDO, Status.CONFIRMED),
        (Status.COMPLETED, Mark.UNDO, Status.CONFIRMED),
        (Status.NO_SHOW, Mark.UNDO, Status.CONFIRMED),
    ],
)
def test_a_mark_leads_from_one_state_to_the_next(
    status: Status, mark: Mark, becomes: Status
) -> None:
    assert marked(seen(status), mark) is becomes


def test_a_visit_that_is_over_goes_back_to_the_arrival_that_was_marked() -> None:
    assert marked(seen(Status.COMPLETED, has_come=True), Mark.UNDO) is Status.ARRIVED
    assert marked(seen(Status.ARRIVED, has_come=True), Mark.UNDO) is Status.CONFIRMED


def test_every_other_mark_is_refused() -> None:
    refused = {(status, mark) for status in Status for mark in Mark if is_refused(status, mark)}

    assert {(Status.ARRIVED, Mark.NO_SHOW), (Status.NO_SHOW, Mark.ARRIVE)} <= refused
    assert {(Status.COMPLETED, Mark.COMPLETE), (Status.CONFIRMED, Mark.UNDO)} <= refused
    assert {(Status.HELD, mark) for mark in Mark} <= refused
    assert {(Status.CANCELLED, mark) for mark in Mark} <= refused
    assert len(refused) == len(Status) * len(Mark) - 7


def is_refused(status: Status, mark: Mark) -> bool:
    try:
        marked(seen(status), mark)
    except WrongState:
        return True
    return False


def test_a_patient_may_come_early_on_the_day_but_not_be_seen_or_missed() -> None:
    assert marked(seen(Status.CONFIRMED, BEFORE), Mark.ARRIVE) is Status.ARRIVED
    for mark in (Mark.COMPLETE, Mark.NO_SHOW):
        with pytest.raises(WrongState):
            marked(seen(Status.CONFIRMED, BEFORE), mark)


def test_the_day_of_the_visit_is_the_clinic_s() -> None:
    """At eleven on Sunday evening in London it is Monday in Moscow."""
    with pytest.raises(WrongState):
        marked(seen(Status.CONFIRMED, SUNDAY_EVENING), Mark.ARRIVE)

    there = seen(Status.CONFIRMED, SUNDAY_EVENING, zone="Europe/Moscow")
    assert marked(there, Mark.ARRIVE) is Status.ARRIVED


def test_a_visit_that_changed_since_it_was_seen_is_not_marked() -> None:
    with pytest.raises(Changed):
        marked_as_seen(seen(Status.CONFIRMED, version=3), Mark.ARRIVE, version=2)


def test_what_may_be_marked_is_told_before_it_is_tried() -> None:
    def may(status: Status, now: datetime) -> set[Mark]:
        return set(marks_of(status, MONDAY_NINE, zone=ZoneInfo("Europe/London"), now=now))

    assert may(Status.CONFIRMED, SUNDAY_EVENING) == set()
    assert may(Status.CONFIRMED, BEFORE) == {Mark.ARRIVE}
    assert may(Status.CONFIRMED, LATER) == {Mark.ARRIVE, Mark.COMPLETE, Mark.NO_SHOW}
    assert may(Status.ARRIVED, BEFORE) == {Mark.UNDO}
    assert may(Status.CANCELLED, LATER) == set()
