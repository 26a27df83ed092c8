"""Quiet hours by the patient's clock, on both sides of midnight and of a clock change."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.quiet_hours import QuietHours

MOSCOW = ZoneInfo("Europe/Moscow")
LONDON = ZoneInfo("Europe/London")
NEXT_WEEK = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
NIGHT = QuietHours()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-24 17:59", None),
        ("2026-11-24 18:00", "2026-11-25 05:00"),
        ("2026-11-24 20:59", "2026-11-25 05:00"),
        ("2026-11-24 21:00", "2026-11-25 05:00"),
        ("2026-11-25 04:59", "2026-11-25 05:00"),
        ("2026-11-25 05:00", None),
    ],
)
def test_what_can_wait_waits_for_the_patients_morning(now: str, until: str | None) -> None:
    found = NIGHT.until(utc(now), MOSCOW, starts_at=NEXT_WEEK)

    assert found == (utc(until) if until else None)


def test_another_zone_has_another_night() -> None:
    vladivostok = ZoneInfo("Asia/Vladivostok")
    now = utc("2026-11-24 12:00")

    assert NIGHT.until(now, MOSCOW, starts_at=NEXT_WEEK) is None
    assert NIGHT.until(now, vladivostok, starts_at=NEXT_WEEK) == utc("2026-11-24 22:00")


@pytest.mark.parametrize(
    ("now", "until"),
    [("2027-03-27 22:00", "2027-03-28 07:00"), ("2026-10-24 21:00", "2026-10-25 08:00")],
)
def test_the_night_of_a_clock_change_ends_by_the_new_clock(now: str, until: str) -> None:
    assert NIGHT.until(utc(now), LONDON, starts_at=utc("2028-01-01 00:00")) == utc(until)


def test_what_the_morning_would_be_too_late_for_is_told_at_night() -> None:
    now, morning = utc("2026-11-24 20:00"), utc("2026-11-25 05:00")
    two_hours = timedelta(hours=2)

    assert NIGHT.until(now, MOSCOW, starts_at=morning + two_hours) == morning
    assert NIGHT.until(now, MOSCOW, starts_at=morning + two_hours - timedelta(minutes=1)) is None


def test_quiet_hours_may_lie_within_one_day() -> None:
    siesta = QuietHours(begin=time(13), end=time(15))

    assert siesta.until(utc("2026-11-24 09:59"), MOSCOW, starts_at=NEXT_WEEK) is None
    assert siesta.until(utc("2026-11-24 10:00"), MOSCOW, starts_at=NEXT_WEEK) == utc(
        "2026-11-24 12:00"
    )
    assert siesta.until(utc("2026-11-24 12:00"), MOSCOW, starts_at=NEXT_WEEK) is None


def test_hours_of_no_length_are_never_quiet() -> None:
    never = QuietHours(begin=time(8), end=time(8))

    assert never.until(utc("2026-11-24 05:00"), MOSCOW, starts_at=NEXT_WEEK) is None
