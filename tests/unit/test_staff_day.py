"""The doctor's day as staff see it: every live row at its own time, and what is free beside it."""

from datetime import timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from domain.booking import Status
from domain.rules import DoctorGrid
from domain.staff_day import StaffDay, StaffShift, StaffVisit, compose_staff_day
from tests.builders import CLINIC, DR_KIM, MONDAY_NINE

HALF_AN_HOUR = timedelta(minutes=30)
KIMS_DESK = DoctorGrid(
    doctor_id=DR_KIM,
    practitioner_id=uuid4(),
    clinic_id=CLINIC,
    slot_minutes=30,
    zone=ZoneInfo("Europe/London"),
)
TWO_HOURS = StaffShift(
    starts_at=MONDAY_NINE, ends_at=MONDAY_NINE + timedelta(hours=2), is_closing=False
)


def a_visit(
    minutes: int,
    *,
    lasts: int = 30,
    doctor_id: UUID = DR_KIM,
    status: Status = Status.CONFIRMED,
) -> StaffVisit:
    begins = MONDAY_NINE + timedelta(minutes=minutes)
    return StaffVisit(
        starts_at=begins,
        ends_at=begins + timedelta(minutes=lasts),
        appointment_id=uuid4(),
        doctor_id=doctor_id,
        status=status,
        version=2,
        patient="Anna",
    )


def the_day(*visits: StaffVisit, shift: StaffShift | None = TWO_HOURS) -> StaffDay:
    return compose_staff_day(
        KIMS_DESK,
        MONDAY_NINE.date(),
        [shift] if shift else [],
        visits,
        now=MONDAY_NINE - timedelta(days=1),
    )


def test_a_visit_off_the_grid_stands_at_its_own_time_and_takes_what_it_overlaps() -> None:
    day = the_day(a_visit(15))

    begins = [(slot.starts_at - MONDAY_NINE) // timedelta(minutes=1) for slot in day.slots]
    assert begins == [15, 60, 90]
    assert (day.visits, day.free) == (1, 2)


def test_a_visit_that_is_longer_than_the_grid_is_told_apart() -> None:
    day = the_day(a_visit(0, lasts=60), a_visit(60))

    assert [slot.is_regular(30) for slot in day.slots] == [False, True, True]


def test_a_visit_at_another_desk_keeps_the_time_from_being_free() -> None:
    day = the_day(a_visit(0, doctor_id=uuid4()))

    assert (day.visits, day.free) == (0, 3)
    assert day.slots[0].elsewhere is not None


def test_each_state_of_a_line_has_a_mark_of_its_own() -> None:
    visit = a_visit(0)
    free, taken = the_day().slots[0], the_day(visit).slots[0]

    assert free.mark != taken.mark
    assert visit.appointment_id.hex[:8] in taken.mark


def test_nothing_is_free_in_a_shift_that_is_closing() -> None:
    closing = StaffShift(starts_at=TWO_HOURS.starts_at, ends_at=TWO_HOURS.ends_at, is_closing=True)

    day = the_day(a_visit(0), shift=closing)

    assert (day.visits, day.free) == (1, 0)


def test_a_cancelled_visit_stands_beside_what_is_there_now() -> None:
    cancelled = a_visit(0, status=Status.CANCELLED)

    day = the_day(cancelled)

    assert (day.visits, day.free) == (0, 4)
    assert day.slots[0].cancelled == (cancelled,)


def test_a_visit_outside_every_shift_is_shown_all_the_same() -> None:
    assert the_day(a_visit(0), shift=None).visits == 1
    assert the_day(shift=None).slots == []


def test_who_was_seen_or_did_not_come_stays_on_the_page_and_takes_no_time() -> None:
    """What follows of a long visit that is over is anybody's, here as in every other list."""
    for status in (Status.COMPLETED, Status.NO_SHOW):
        day = the_day(a_visit(0, lasts=60, status=status))

        assert [slot.visit is not None for slot in day.slots][:1] == [True]
        assert day.free == 4
