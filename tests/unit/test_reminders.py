"""When a reminder is due: by the clinic's wall clock, past no visit, not soon after a booking."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.durations import Duration, parse_duration
from domain.quiet_hours import BEFORE_THE_QUIET, TIME_TO_GET_READY, QuietHours
from domain.reminders import (
    AFTER_BOOKING,
    CATCH_UP,
    Ahead,
    due_at,
    is_due,
    reach,
)

LONDON = ZoneInfo("Europe/London")
MOSCOW = ZoneInfo("Europe/Moscow")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
NEVER_QUIET = QuietHours(begin=time(3), end=time(3))
NIGHT = QuietHours()


def local(text: str, zone: ZoneInfo = LONDON) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def ahead(
    starts_at: datetime,
    *,
    booked_at: datetime = LONG_AGO,
    moved_at: datetime | None = None,
    zone: ZoneInfo = LONDON,
    patient: ZoneInfo | None = None,
) -> Ahead:
    return Ahead(
        starts_at=starts_at,
        booked_at=booked_at,
        moved_at=moved_at,
        clinic_zone=zone,
        patient_zone=patient or zone,
    )


@pytest.mark.parametrize(
    ("starts", "due"),
    [
        ("2027-03-29 10:00", "2027-03-28 10:00"),
        ("2027-03-28 10:00", "2027-03-27 10:00"),
        ("2026-10-26 10:00", "2026-10-25 10:00"),
        ("2026-10-25 10:00", "2026-10-24 10:00"),
    ],
)
def test_a_day_is_one_by_the_wall_clock_over_a_change_of_the_clocks(starts: str, due: str) -> None:
    assert due_at(parse_duration("P1D"), ahead(local(starts)), NIGHT) == local(due)


def test_a_wall_clock_that_never_shows_the_time_shows_it_an_hour_later() -> None:
    visit = ahead(local("2027-03-29 01:30"))

    assert due_at(parse_duration("P1D"), visit, NEVER_QUIET) == datetime(
        2027, 3, 28, 1, 30, tzinfo=UTC
    )


def test_hours_are_hours_as_they_pass() -> None:
    visit = ahead(local("2027-03-28 03:30"))

    assert due_at(parse_duration("PT4H"), visit, NEVER_QUIET) == visit.starts_at - timedelta(
        hours=4
    )


def test_what_falls_into_the_night_is_due_in_the_morning() -> None:
    visit = ahead(local("2026-11-24 07:00"))

    assert due_at(parse_duration("P1D"), visit, NIGHT) == local("2026-11-23 08:00")


def test_what_the_morning_would_be_too_late_for_is_due_in_the_evening_before() -> None:
    visit = ahead(local("2026-11-24 08:30"))

    assert due_at(parse_duration("PT2H"), visit, NIGHT) == local("2026-11-23 20:45")


def test_a_visit_that_came_about_since_that_evening_is_told_of_at_night() -> None:
    visit = ahead(local("2026-11-24 08:30"), booked_at=local("2026-11-23 22:00"))

    assert due_at(parse_duration("PT2H"), visit, NIGHT) == local("2026-11-24 06:30")
    assert NIGHT.until(local("2026-11-24 06:30"), LONDON, starts_at=visit.starts_at) is None


def test_the_night_is_the_patients_and_the_wall_clock_the_clinics() -> None:
    vladivostok = ZoneInfo("Asia/Vladivostok")
    visit = ahead(local("2026-11-24 15:00", MOSCOW), zone=MOSCOW, patient=vladivostok)

    assert due_at(parse_duration("P1D"), visit, NIGHT) == local("2026-11-24 08:00", vladivostok)


@pytest.mark.parametrize(("hours", "is_told"), [(1.9, False), (2, True), (48, True)])
def test_nobody_is_reminded_within_two_hours_of_the_booking(hours: float, is_told: bool) -> None:  # noqa: FBT001 - of the table
    starts_at = local("2026-11-24 12:00")
    booked_at = starts_at - timedelta(days=1, hours=hours)

    due = due_at(parse_duration("P1D"), ahead(starts_at, booked_at=booked_at), NIGHT)

    assert (due is not None) is is_told


@pytest.mark.parametrize(("minutes", "is_told"), [(-10, True), (-1, True), (1, True), (10, False)])
def test_a_step_that_lay_behind_when_the_visit_was_moved_here_is_none(
    minutes: int,
    is_told: bool,  # noqa: FBT001 - of the table
) -> None:
    starts_at = local("2026-11-24 12:00")
    moved_at = starts_at - timedelta(days=1) + timedelta(minutes=minutes)

    due = due_at(parse_duration("P1D"), ahead(starts_at, moved_at=moved_at), NIGHT)

    assert (due is not None) is is_told


def test_a_step_of_no_length_is_none() -> None:
    assert due_at(parse_duration("PT0M"), ahead(local("2026-11-24 12:00")), NIGHT) is None


def test_what_was_due_an_hour_ago_is_made_up_for_and_what_was_a_day_ago_is_not() -> None:
    now = local("2026-11-24 12:00")

    assert is_due(now - timedelta(hours=1), now)
    assert is_due(now, now)
    assert not is_due(now + timedelta(seconds=1), now)
    assert not is_due(now - CATCH_UP, now)


@pytest.mark.parametrize(("seconds", "is_told"), [(-91, False), (-89, True), (0, True)])
def test_what_was_due_before_the_clinic_had_the_step_is_not_made_up_for(
    seconds: float,
    is_told: bool,  # noqa: FBT001 - of the table
) -> None:
    since = local("2026-11-24 12:00")

    due = since + timedelta(seconds=seconds)

    assert is_due(due, since + timedelta(hours=1), since) is is_told


zones = st.sampled_from(
    [ZoneInfo(name) for name in ("Europe/London", "Europe/Moscow", "America/St_Johns",
                                 "Australia/Lord_Howe", "Asia/Kolkata", "America/Santiago")]
)  # fmt: skip
instants = st.datetimes(datetime(2026, 1, 2), datetime(2028, 1, 1)).map(  # noqa: DTZ001 - made aware
    lambda naive: naive.replace(tzinfo=UTC, microsecond=0)
)
steps = st.sampled_from(
    [parse_duration(code) for code in ("P3D", "P1D", "P1W", "PT2H", "PT14H", "P1DT3H")]
)
clocks = st.times().map(lambda clock: clock.replace(microsecond=0))
nights = st.builds(lambda begin, end: QuietHours(begin=begin, end=end), clocks, clocks)


@given(
    starts_at=instants,
    step=steps,
    quiet=nights,
    clinic=zones,
    patient=zones,
    booked=st.timedeltas(timedelta(), timedelta(days=20)),
    moved=st.none() | st.timedeltas(timedelta(), timedelta(days=20)),
)
def test_quiet_hours_swallow_no_reminder_and_move_none_past_its_visit(  # noqa: PLR0913 - made up
    *,
    starts_at: datetime,
    step: Duration,
    quiet: QuietHours,
    clinic: ZoneInfo,
    patient: ZoneInfo,
    booked: timedelta,
    moved: timedelta | None,
) -> None:
    visit = ahead(
        starts_at,
        booked_at=starts_at - booked,
        moved_at=None if moved is None else starts_at - moved,
        zone=clinic,
        patient=patient,
    )

    told, at_any_hour = due_at(step, visit, quiet), due_at(step, visit, NEVER_QUIET)

    assert (told is None) == (at_any_hour is None)
    if told is None or at_any_hour is None:
        return
    assert visit.booked_at + AFTER_BOOKING <= told < starts_at
    if told > at_any_hour:
        assert told <= starts_at - TIME_TO_GET_READY
    if told != at_any_hour:
        assert quiet.around(at_any_hour, patient) is not None
        assert abs(told - at_any_hour) <= quiet.lasts + BEFORE_THE_QUIET + timedelta(hours=2)
    first, last = reach(step, quiet)
    seen = [told, at_any_hour + timedelta(hours=20)] if told == at_any_hour else [told]
    assert all(first <= starts_at - now <= last for now in seen if now < starts_at)
