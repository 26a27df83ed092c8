"""Clocks and numbers as pages write them, whatever the zone and however the number was typed."""

import re
import zoneinfo
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from adapters.messages.visit import Language
from adapters.process.time_zones import use_pinned_time_zones
from api.page.wording import Wording, at_clinic, minutes
from domain.zones import zone_named
from stack.home import CHECKOUT


def test_the_two_times_of_a_repeated_hour_are_told_apart_and_no_others() -> None:
    times = [datetime(2027, 10, 31, hour, 30, tzinfo=UTC) for hour in (-1 % 24, 0, 1, 2)]
    shown = [Wording(Language.EN).time(at_clinic(each, "Europe/London")) for each in times]

    assert shown == ["23:30", "01:30 (UTC+1)", "01:30 (UTC+0)", "02:30"]


@pytest.mark.parametrize("language", list(Language))
def test_every_zone_of_the_database_has_a_name_that_a_page_can_show(language: Language) -> None:
    wording, instant = Wording(language), datetime(2027, 1, 12, tzinfo=UTC)

    for zone in sorted(zoneinfo.available_timezones()):
        assert wording.city(zone)
        assert wording.time(at_clinic(instant, zone))


def test_a_zone_that_only_postgresql_knows_is_no_fault() -> None:
    wording, instant = Wording(Language.EN), datetime(2027, 1, 12, tzinfo=UTC)

    assert zone_named("europe/LONDON") == ZoneInfo("Europe/London")
    for odd in ("Mars/Olympus", "../etc/passwd", "Factory", ""):
        assert wording.time(at_clinic(instant, odd)) == "00:00"
        assert wording.city(odd) == odd


def test_the_rules_of_the_pinned_database_count_and_not_the_machines() -> None:
    before = zoneinfo.TZPATH
    use_pinned_time_zones()
    try:
        winter = at_clinic(datetime(2027, 1, 12, 18, tzinfo=UTC), "America/Vancouver")
        assert f"{winter:%H:%M}" == "11:00"  # British Columbia keeps UTC-7 since 2026
        assert zoneinfo.TZPATH == ()
    finally:
        zoneinfo.reset_tzpath(before)
        ZoneInfo.clear_cache()


def test_no_statement_reckons_by_the_time_zones_of_postgresql() -> None:
    """Its tz database may be another than ours: one module compares them, and none asks it."""
    reckons = re.compile(r"AT TIME ZONE|\btimezone\(|\bdate_trunc\(|CURRENT_DATE|LOCALTIME")
    parts = ("domain", "adapters", "activities", "workflows", "api", "worker", "notifier")

    found = {
        path.relative_to(CHECKOUT).as_posix()
        for part in parts
        for path in (CHECKOUT / part).rglob("*.py")
        if reckons.search(path.read_text())
    }

    assert found == {"adapters/postgres/zone_rules.py"}


@pytest.mark.parametrize(
    ("day", "language", "said"),
    [
        (3, Language.RU, "среду, 3 марта"),
        (5, Language.RU, "пятницу, 5 марта"),
        (6, Language.RU, "субботу, 6 марта"),
        (1, Language.RU, "понедельник, 1 марта"),
        (3, Language.EN, "Wednesday, 3 March"),
    ],
)
def test_a_button_books_for_a_day_in_its_right_case(
    day: int, language: Language, said: str
) -> None:
    assert Wording(language).on_day(datetime(2027, 3, day, tzinfo=UTC)) == said


def test_a_hold_of_seconds_is_said_as_a_minute() -> None:
    assert [minutes(seconds) for seconds in (20, 60, 61, 600)] == [1, 1, 2, 10]
