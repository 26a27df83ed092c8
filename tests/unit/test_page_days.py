"""What the booking page makes of a doctor's time."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from api.page.days import DAYS, OFFERED, nearest, parts_of, strip_of, window_of
from domain.day import DaySchedule, ListedSlot, SlotState
from domain.slot import Interval

MOSCOW, LONDON = ZoneInfo("Europe/Moscow"), ZoneInfo("Europe/London")
MONDAY = date(2027, 3, 1)
ID = UUID("3f2b9f6e-0c55-4f0e-9b3e-6a5b3c1d2e4f")
HALF_AN_HOUR = timedelta(minutes=30)


def slot(hour: float, day: int = 1) -> Interval:
    starts_at = datetime(2027, 3, day, tzinfo=UTC) + timedelta(hours=hour)
    return Interval(starts_at=starts_at, ends_at=starts_at + HALF_AN_HOUR)


def a_day(*hours: float) -> DaySchedule:
    slots = (ListedSlot(**vars(each), state=SlotState.FREE) for each in map(slot, hours))
    return DaySchedule(
        doctor_id=ID,
        clinic_id=ID,
        date=MONDAY,
        time_zone="Europe/Moscow",
        version="1",
        slots=tuple(slots),
    )


def test_the_strip_counts_free_slots_by_the_clinics_days() -> None:
    late_in_moscow_is_tomorrow = [slot(6), slot(6.5), slot(21.5)]
    over_midnight = Interval(starts_at=slot(18).starts_at, ends_at=slot(23).ends_at)

    strip = strip_of(late_in_moscow_is_tomorrow, [over_midnight], MONDAY, MOSCOW)

    assert len(strip) == DAYS
    assert [day.free for day in strip[:3]] == [2, 1, 0]
    assert [day.is_open for day in strip[:3]] == [True, True, False]
    assert strip[-1].date == date(2027, 3, 14)


def test_the_window_is_fourteen_days_by_the_clinics_clock_also_when_it_changes() -> None:
    window = window_of(date(2027, 3, 20), LONDON)  # summer time begins on the 28th

    assert window.ends_at - window.starts_at == timedelta(days=DAYS, hours=-1)


def test_a_day_has_the_parts_in_which_it_has_slots() -> None:
    parts = parts_of(a_day(6, 8.5, 9, 13.5, 14), [], MOSCOW)

    assert [(part.name, [f"{each.local:%H:%M}" for each in part.slots]) for part in parts] == [
        ("morning", ["09:00", "11:30"]),
        ("day", ["12:00", "16:30"]),
        ("evening", ["17:00"]),
    ]
    assert [part.name for part in parts_of(a_day(6), [], MOSCOW)] == ["morning"]
    assert parts_of(a_day(), [], MOSCOW) == []


def test_the_nearest_slots_to_a_lost_one_come_in_the_order_of_the_day() -> None:
    lost = slot(10).starts_at
    free = [slot(hour) for hour in (6, 8, 9, 9.5, 10.5, 11, 15)]

    assert nearest(free, lost) == [slot(hour) for hour in (8, 9, 9.5, 10.5, 11)]
    assert len(nearest(free, lost)) == OFFERED
    assert nearest([], lost) == []
