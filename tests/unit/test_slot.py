"""The grid of a shift by the wall clock, on ordinary days and when the clocks change."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.slot import Interval, day_bounds, day_of, slot_at, slots_of

LONDON = ZoneInfo("Europe/London")  # 28 March 2027 01:00 → 02:00, 31 October 2027 02:00 → 01:00
NICOSIA = ZoneInfo("Asia/Nicosia")  # 28 March 2027 03:00 → 04:00, 31 October 2027 04:00 → 03:00
MOSCOW = ZoneInfo("Europe/Moscow")  # the same offset all year
SPRING, AUTUMN, WINTER = date(2027, 3, 28), date(2027, 10, 31), date(2027, 1, 11)


def instant(day: date, clock: str, zone: ZoneInfo, *, fold: int = 0) -> datetime:
    wall = datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=zone, fold=fold)
    return wall.astimezone(UTC)


def a_shift(day: date, start: str, end: str, zone: ZoneInfo) -> Interval:
    return Interval(starts_at=instant(day, start, zone), ends_at=instant(day, end, zone))


def clocks(shift: Interval, slot_minutes: int, zone: ZoneInfo) -> list[str]:
    slots = slots_of(shift, slot_minutes, zone)
    return [f"{slot.starts_at.astimezone(zone):%H:%M}" for slot in slots]


def test_a_shift_is_cut_into_slots_from_its_beginning() -> None:
    shift = a_shift(WINTER, "09:15", "10:45", MOSCOW)

    assert clocks(shift, 30, MOSCOW) == ["09:15", "09:45", "10:15"]


def test_a_rest_shorter_than_a_slot_is_no_slot() -> None:
    shift = a_shift(WINTER, "09:00", "10:10", MOSCOW)

    assert clocks(shift, 30, MOSCOW) == ["09:00", "09:30"]


def test_an_hour_that_the_clocks_skip_has_no_slots() -> None:
    shift = a_shift(SPRING, "00:00", "04:00", LONDON)

    assert clocks(shift, 30, LONDON) == ["00:00", "00:30", "02:00", "02:30", "03:00", "03:30"]


def test_an_hour_that_the_clocks_repeat_has_its_slots_twice() -> None:
    shift = a_shift(AUTUMN, "00:00", "03:00", LONDON)

    assert clocks(shift, 30, LONDON) == [
        *("00:00", "00:30", "01:00", "01:30", "01:00", "01:30", "02:00", "02:30")
    ]


def test_slots_of_45_minutes_stay_on_the_wall_clock_over_the_skipped_hour() -> None:
    shift = a_shift(SPRING, "02:00", "08:00", NICOSIA)

    # At 04:15, a quarter of an hour after the change, the slot of 02:45 is still under way.
    assert clocks(shift, 45, NICOSIA) == [
        "02:00",
        "02:45",
        "05:00",
        "05:45",
        "06:30",
        "07:15",
    ]


def test_slots_of_45_minutes_do_not_overlap_over_the_repeated_hour() -> None:
    shift = a_shift(AUTUMN, "02:00", "06:00", NICOSIA)

    slots = list(slots_of(shift, 45, NICOSIA))

    assert clocks(shift, 45, NICOSIA) == ["02:00", "02:45", "03:30", "03:30", "04:15", "05:00"]
    assert all(one.ends_at <= other.starts_at for one, other in pairwise(slots))


def test_a_night_shift_over_the_change_keeps_both_dates_on_the_grid() -> None:
    shift = Interval(
        starts_at=instant(date(2027, 10, 30), "22:00", NICOSIA),
        ends_at=instant(AUTUMN, "06:00", NICOSIA),
    )

    slots = list(slots_of(shift, 60, NICOSIA))

    assert len(slots) == 9
    assert {day_of(slot.starts_at, NICOSIA) for slot in slots} == {date(2027, 10, 30), AUTUMN}


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (LONDON, SPRING, 23),
        (LONDON, AUTUMN, 25),
        (NICOSIA, SPRING, 23),
        (NICOSIA, AUTUMN, 25),
        (MOSCOW, SPRING, 24),
        (MOSCOW, AUTUMN, 24),
    ],
)
def test_a_day_has_23_to_25_hours(zone: ZoneInfo, day: date, hours: int) -> None:
    bounds = day_bounds(day, zone)

    assert bounds.ends_at - bounds.starts_at == timedelta(hours=hours)
    assert day_of(bounds.starts_at, zone) == day
    assert day_of(bounds.ends_at, zone) == day + timedelta(days=1)


def test_a_wish_on_the_grid_is_a_slot() -> None:
    shifts = [a_shift(WINTER, "09:00", "10:00", MOSCOW), a_shift(WINTER, "14:00", "15:00", MOSCOW)]
    wish = instant(WINTER, "14:30", MOSCOW)

    assert slot_at(wish, shifts, 30, MOSCOW) == Interval(
        starts_at=wish, ends_at=wish + timedelta(minutes=30)
    )


@pytest.mark.parametrize("clock", ["08:30", "09:10", "10:00", "13:00"])
def test_a_wish_off_the_grid_or_off_duty_is_no_slot(clock: str) -> None:
    shifts = [a_shift(WINTER, "09:00", "10:00", MOSCOW)]

    assert slot_at(instant(WINTER, clock, MOSCOW), shifts, 30, MOSCOW) is None


@given(
    zone=st.sampled_from([LONDON, NICOSIA, MOSCOW]),
    around=st.sampled_from([SPRING, AUTUMN, WINTER]),
    start=st.integers(-24 * 12, 24 * 12),
    length=st.integers(1, 26 * 12),
    slot_minutes=st.sampled_from([5, 10, 15, 20, 25, 30, 40, 45, 50, 60, 90, 480]),
)
def test_slots_never_overlap_stay_in_the_shift_and_on_the_wall_clock(
    zone: ZoneInfo, around: date, start: int, length: int, slot_minutes: int
) -> None:
    starts_at = instant(around, "02:00", zone) + timedelta(minutes=5 * start)
    shift = Interval(starts_at=starts_at, ends_at=starts_at + timedelta(minutes=5 * length))
    first = starts_at.astimezone(zone).replace(tzinfo=None)

    slots = list(slots_of(shift, slot_minutes, zone))

    assert all(one.ends_at <= other.starts_at for one, other in pairwise(slots))
    for slot in slots:
        wall = slot.starts_at.astimezone(zone).replace(tzinfo=None)
        assert shift.starts_at <= slot.starts_at < slot.ends_at <= shift.ends_at
        assert slot.ends_at - slot.starts_at == timedelta(minutes=slot_minutes)
        assert (wall - first) % timedelta(minutes=slot_minutes) == timedelta(0)
    for slot in slots[-1:]:
        assert slot_at(slot.starts_at, [shift], slot_minutes, zone) == slot
