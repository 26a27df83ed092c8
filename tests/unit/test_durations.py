"""ISO 8601 durations: what is one, and where it leads by a wall clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.durations import parse_duration, spelled

BERLIN = ZoneInfo("Europe/Berlin")


def local(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("written", "months", "days", "seconds"),
    [
        ("P3D", 0, 3, 0),
        ("PT90M", 0, 0, 5400),
        ("P1Y2M1W1DT1H1M1S", 14, 8, 3661),
        ("PT0S", 0, 0, 0),
    ],
)
def test_a_duration_is_read(written: str, months: int, days: int, seconds: int) -> None:
    read = parse_duration(written)

    assert (read.months, read.days, read.seconds) == (months, days, seconds)
    assert read.written == written


@pytest.mark.parametrize(
    "written", ["", "P", "PT", "P1DT", "1D", "P-1D", "P1.5D", "p1d", "P1S", "P3D ", "P٣D"]
)
def test_what_is_no_duration_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        parse_duration(written)


def test_a_duration_of_more_than_ten_years_is_refused() -> None:
    with pytest.raises(ValueError, match="ten years"):
        parse_duration("P11Y")


def test_a_day_before_is_the_same_time_of_day_over_a_change_of_the_clocks() -> None:
    day, hours = parse_duration("P1D"), parse_duration("PT24H")
    visit = local("2027-03-28T12:00")  # the night before it has 23 hours

    assert day.before(visit, BERLIN) == local("2027-03-27T12:00")
    assert hours.before(visit, BERLIN) == local("2027-03-27T11:00")
    assert day.after(local("2027-03-27T12:00"), BERLIN) == visit


def test_a_month_ends_with_its_last_day() -> None:
    month = parse_duration("P1M")

    assert month.after(local("2027-01-31T10:00"), BERLIN) == local("2027-02-28T10:00")
    assert month.before(local("2027-01-31T10:00"), BERLIN) == local("2026-12-31T10:00")
    assert month.after(local("2026-12-31T10:00"), BERLIN).tzinfo is UTC


@pytest.mark.parametrize(
    ("length", "written"),
    [
        (timedelta(0), "PT0S"),
        (timedelta(days=2), "P2D"),
        (timedelta(days=1, hours=3, seconds=5, milliseconds=900), "P1DT3H5S"),
        (timedelta(minutes=-5), "-PT5M"),
    ],
)
def test_an_elapsed_time_is_spelled_without_what_is_null(length: timedelta, written: str) -> None:
    assert spelled(length) == written
