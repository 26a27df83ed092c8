"""Weekly plans: their expansion is that of an independent library, over every change of clocks."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from dateutil import rrule, tz  # type: ignore[import-untyped]

from domain.plan import Plan, Weekly, expand, instant_of, overlap_in
from domain.slot import Interval, slots_of
from domain.spans import apart, in_place_of, joined, within, without

ZONES = {
    "Europe/Moscow": 0,
    "Europe/London": 4,
    "Asia/Kathmandu": 0,
    "Australia/Lord_Howe": 4,
    "America/New_York": 4,
}
"""And how often their clocks are changed in the two years."""
FIRST, LAST = date(2027, 1, 1), date(2028, 12, 31)  # with a leap day
LONDON = ZoneInfo("Europe/London")


def a_plan(
    *weekly: Weekly, effective_from: date = FIRST, effective_until: date | None = None
) -> Plan:
    return Plan(effective_from=effective_from, effective_until=effective_until, weekly=weekly)


def part(weekday: int, start: str, until: str, every_weeks: int = 1) -> Weekly:
    return Weekly(
        weekday=weekday,
        start=time.fromisoformat(start),
        until=time.fromisoformat(until),
        every_weeks=every_weeks,
    )


WEEK = (
    part(1, "09:00", "13:00"),
    part(2, "08:15", "12:45"),
    part(3, "14:30", "18:00", 2),
    part(7, "00:30", "05:00"),
)
LEAP_DAY = date(2028, 2, 29)  # a Tuesday


def independently(weekly: Weekly, zone: str) -> list[Interval]:
    """By dateutil's own rules and zones."""
    monday = FIRST - timedelta(days=FIRST.weekday())
    days = rrule.rrule(
        rrule.WEEKLY,
        interval=weekly.every_weeks,
        byweekday=weekly.weekday - 1,
        wkst=rrule.MO,
        dtstart=datetime.combine(monday, time()),
        until=datetime.combine(LAST, time()),
    )
    there = tz.gettz(zone)
    return [
        Interval(
            starts_at=_there(day.date(), weekly.start, there),
            ends_at=_there(day.date(), weekly.until, there),
        )
        for day in days
        if day.date() >= FIRST
    ]


def _there(day: date, clock: time, there: tzinfo | None) -> datetime:
    wall = datetime.combine(day, clock)
    found: datetime = tz.resolve_imaginary(wall.replace(tzinfo=there)).astimezone(UTC)
    return found


def change_days(zone: str) -> set[date]:
    """On which the clocks of these two years are changed."""
    midnights = [datetime.combine(FIRST, time(), ZoneInfo(zone)) + timedelta(n) for n in range(732)]
    return {
        one.date()
        for one, other in pairwise(midnights)
        if one.utcoffset() != other.utcoffset() and one.date() <= LAST
    }


@pytest.mark.parametrize(("zone", "changes"), ZONES.items())
def test_two_years_are_as_an_independent_library_has_them(zone: str, changes: int) -> None:
    expected = [span for each in WEEK for span in independently(each, zone)]

    found = expand([a_plan(*WEEK)], FIRST, LAST, ZoneInfo(zone))

    assert found == sorted(expected, key=lambda each: each.starts_at)
    days = {each.starts_at.astimezone(ZoneInfo(zone)).date() for each in found}
    assert len(change_days(zone)) == changes
    assert {LEAP_DAY, *change_days(zone)} <= days


def test_a_gap_shortens_a_shift_and_an_edge_in_it_is_the_change() -> None:
    sunday = date(2027, 3, 28)  # 01:00 becomes 02:00
    [across] = expand([a_plan(part(7, "00:00", "04:00"))], sunday, sunday, LONDON)
    [inside] = expand([a_plan(part(7, "01:20", "04:00"))], sunday, sunday, LONDON)

    assert across.ends_at - across.starts_at == timedelta(hours=3)
    assert inside.starts_at == datetime(2027, 3, 28, 1, tzinfo=UTC)
    assert expand([a_plan(part(7, "01:10", "01:50"))], sunday, sunday, LONDON) == []


def test_a_fold_lengthens_a_shift_and_its_hour_has_its_slots_twice() -> None:
    sunday = date(2027, 10, 31)  # 02:00 becomes 01:00
    [across] = expand([a_plan(part(7, "00:00", "03:00"))], sunday, sunday, LONDON)
    [until] = expand([a_plan(part(7, "00:00", "01:30"))], sunday, sunday, LONDON)

    clocks = [f"{each.starts_at.astimezone(LONDON):%H:%M}" for each in slots_of(across, 60, LONDON)]
    assert clocks == ["00:00", "01:00", "01:00", "02:00"]
    assert until.ends_at - until.starts_at == timedelta(minutes=90)


def test_the_week_that_the_plan_begins_in_is_the_first_of_every_two() -> None:
    plan = a_plan(part(1, "09:00", "10:00", 2), effective_from=date(2027, 1, 6))  # a Wednesday

    found = expand([plan], date(2027, 1, 1), date(2027, 2, 5), LONDON)

    assert [each.starts_at.day for each in found] == [18, 1]


@pytest.mark.parametrize("until", [None, date(2027, 4, 4)], ids=["for good", "until a day"])
@pytest.mark.parametrize("every", [(1,), (2,), (2, 3, 1), (51, 52)], ids=str)
def test_the_same_week_written_anew_from_its_suggested_day_changes_nothing(
    every: tuple[int, ...], until: date | None
) -> None:
    """Whatever day it is, also one in a week in which nobody is on duty."""
    begins, last = date(2027, 3, 3), date(2028, 12, 31)  # a Wednesday
    weekly = [part(n, "09:00", "12:00", weeks) for n, weeks in enumerate(every, start=3)]
    plan = a_plan(*weekly, effective_from=begins, effective_until=until)
    before = expand([plan], begins, last, LONDON)

    for day in (begins + timedelta(n) for n in range(-3, 33)):
        again = replace(plan, effective_from=plan.same_weeks_from(day))

        assert expand([plan, again], begins, last, LONDON) == before


def test_the_suggested_day_is_today_or_the_monday_on_which_the_weeks_begin_again() -> None:
    weekly = part(3, "09:00", "12:00", 2), part(5, "09:00", "12:00")
    plan = a_plan(*weekly, effective_from=date(2027, 3, 1))
    of_long_ago = a_plan(part(1, "09:00", "12:00", 52), effective_from=date(2026, 12, 28))

    assert plan.same_weeks_from(date(2027, 2, 1)) == date(2027, 3, 1)
    assert plan.same_weeks_from(date(2027, 3, 5)) == date(2027, 3, 5)
    assert plan.same_weeks_from(date(2027, 3, 8)) == date(2027, 3, 15)
    assert of_long_ago.same_weeks_from(date(2027, 1, 4)) == date(2027, 12, 27)


def test_a_plan_counts_until_its_last_day_and_a_later_one_from_its_first() -> None:
    every_day = [part(day, "09:00", "10:00") for day in range(1, 8)]
    old = a_plan(*every_day, effective_until=date(2027, 1, 5))
    new = a_plan(
        *[part(day, "12:00", "00:00") for day in range(1, 8)], effective_from=date(2027, 1, 4)
    )

    found = expand([old, new], date(2026, 12, 31), date(2027, 1, 4), LONDON)
    alone = expand([old], date(2027, 1, 4), date(2027, 1, 7), LONDON)

    assert [(each.starts_at.day, each.starts_at.hour) for each in found] == [
        (1, 9),
        (2, 9),
        (3, 9),
        (4, 12),
    ]
    assert found[-1].ends_at == datetime(2027, 1, 5, tzinfo=UTC)
    assert [each.starts_at.day for each in alone] == [4, 5]


def test_parts_of_a_day_that_overlap_are_found() -> None:
    assert overlap_in([part(1, "13:00", "15:00"), part(1, "09:00", "13:00")]) is None
    assert overlap_in([part(1, "09:00", "13:00"), part(2, "09:00", "13:00")]) is None
    assert overlap_in([part(1, "12:00", "15:00"), part(1, "09:00", "13:00")]) is not None
    assert overlap_in([part(1, "09:00", "00:00"), part(1, "13:00", "15:00")]) is not None


def test_lord_howe_changes_by_half_an_hour() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")

    change = instant_of(datetime(2027, 10, 3, 2, 10), zone)  # noqa: DTZ001 - a wall clock

    assert change.astimezone(zone).strftime("%H:%M") == "02:30"


def span(start: int, until: int) -> Interval:
    day = datetime(2027, 1, 1, tzinfo=UTC)
    return Interval(starts_at=day + timedelta(hours=start), ends_at=day + timedelta(hours=until))


def test_what_is_left_of_a_time_is_around_what_is_cut() -> None:
    assert joined([span(3, 4), span(1, 3), span(1, 2), span(6, 7)]) == [span(1, 4), span(6, 7)]
    assert without([span(0, 10)], [span(2, 3), span(9, 12)]) == [span(0, 2), span(3, 9)]
    assert without([span(2, 3)], [span(0, 4)]) == []
    assert without([span(2, 3)], [span(0, 1), span(3, 4)]) == [span(2, 3)]


def test_of_two_times_that_overlap_the_later_loses_what_both_have() -> None:
    assert apart([span(1, 4), span(2, 5), span(2, 3), span(7, 8)]) == [
        span(1, 4),
        span(4, 5),
        span(7, 8),
    ]


@pytest.mark.parametrize(
    ("gone", "added", "changed"),
    [
        ([(9, 13)], [(10, 14)], [((9, 13), (10, 14))]),
        ([(9, 13)], [(13, 15)], []),
        ([(9, 13)], [(9, 11), (12, 14)], []),
        ([(9, 11), (12, 14)], [(10, 13)], []),
        ([(9, 11), (12, 14)], [(8, 10), (13, 15)], [((9, 11), (8, 10)), ((12, 14), (13, 15))]),
        ([(9, 10), (11, 12), (20, 22)], [(9, 12), (21, 23)], [((20, 22), (21, 23))]),
        ([(9, 11), (12, 14), (15, 17)], [(10, 13), (16, 18)], [((15, 17), (16, 18))]),
    ],
)
def test_a_time_changes_into_another_where_neither_meets_a_third(
    gone: list[tuple[int, int]],
    added: list[tuple[int, int]],
    changed: list[tuple[tuple[int, int], tuple[int, int]]],
) -> None:
    found = in_place_of((span(*each) for each in gone), (span(*each) for each in added))

    assert found == {span(*old): span(*new) for old, new in changed}


def test_a_time_is_within_those_that_touch_each_other() -> None:
    cover = [span(1, 3), span(3, 5), span(6, 8)]

    assert within([span(2, 4), span(4, 7), span(0, 2), span(6, 8)], cover) == {
        span(2, 4),
        span(6, 8),
    }
