"""How soon a patient's answer to another time is needed, and what a visit without a row keeps."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.campaign import (
    ROUNDS,
    Asking,
    ReofferOrder,
    Verdict,
    after_a_refusal,
    answer_within,
)
from domain.durations import parse_duration
from domain.imports import Kind, Wrong, refuse_bad_file, rows_of
from domain.quiet_hours import QuietHours
from tests.builders import an_appointment

HOUR = timedelta(hours=1)
DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("ahead", "within"),
    [
        (30 * DAY, 2 * DAY),
        (7 * DAY, 2 * DAY),
        (6 * DAY, DAY),
        (2 * DAY, DAY),
        (30 * HOUR, 6 * HOUR),
        (DAY, 6 * HOUR),
        (DAY - timedelta(minutes=1), HOUR),
        (8 * HOUR, HOUR),
        (2 * HOUR, HOUR / 2),
    ],
)
def test_the_nearer_the_visit_the_sooner_the_answer_is_needed(
    ahead: timedelta, within: timedelta
) -> None:
    assert answer_within(ahead) == within


def test_of_a_visit_that_is_about_to_begin_the_answer_has_the_shortest_time() -> None:
    assert answer_within(timedelta(minutes=1)) == answer_within(timedelta()) > timedelta()


MOSCOW = ZoneInfo("Europe/Moscow")


def local(clock: str) -> datetime:
    return datetime.fromisoformat(f"{clock}+03:00")


def asking(now: str, visit: str, lasts: str | None = None) -> Asking:
    return Asking(
        asked_at=local(now),
        starts_at=local(visit),
        clinic_zone=MOSCOW,
        patient_zone=MOSCOW,
        quiet=QuietHours(),
        lasts=None if lasts is None else parse_duration(lasts),
    )


@pytest.mark.parametrize(
    ("now", "visit", "remind", "until"),
    [
        # By day: halfway.
        ("2026-12-01 10:00", "2026-12-02 12:00", "2026-12-01 13:00", "2026-12-01 16:00"),
        # The message waits for the morning, and so does the time to answer it.
        ("2026-12-01 22:00", "2026-12-02 16:00", "2026-12-02 08:30", "2026-12-02 09:00"),
        # The morning is too near: it goes out by night, and is answered by night.
        ("2026-12-01 23:00", "2026-12-02 09:00", "2026-12-01 23:30", "2026-12-02 00:00"),
        # The time would end by night: there is an hour of the morning as well.
        ("2026-12-01 18:00", "2026-12-03 12:00", "2026-12-01 20:45", "2026-12-02 09:00"),
        # Halfway is by night, and the evening is over: in the morning.
        ("2026-12-01 20:50", "2026-12-03 12:00", "2026-12-02 08:00", "2026-12-02 09:00"),
        # The visit begins before any morning: the end of the time stays by night.
        ("2026-12-01 20:30", "2026-12-02 07:00", "2026-12-01 20:45", "2026-12-01 21:30"),
    ],
)
def test_who_is_asked_has_time_to_answer_when_awake(
    now: str, visit: str, remind: str, until: str
) -> None:
    asked = asking(now, visit)

    assert asked.until == local(until)
    assert asked.remind_at(asked.until) == local(remind)


@pytest.mark.parametrize(
    ("lasts", "until"),
    [("PT45M", "2026-12-01 10:45"), ("P1D", "2026-12-01 23:00"), ("P9D", "2026-12-01 23:00")],
)
def test_the_clinic_says_how_long_an_offer_lasts_up_to_half_the_way_to_the_visit(
    lasts: str, until: str
) -> None:
    never_quiet = QuietHours(begin=time(3), end=time(3))
    asked = replace(asking("2026-12-01 10:00", "2026-12-02 12:00", lasts), quiet=never_quiet)

    assert asked.until == local(until)


@given(
    later=st.timedeltas(timedelta(0), timedelta(days=365)),
    ahead=st.timedeltas(timedelta(minutes=1), timedelta(days=30)),
    begin=st.times(),
    end=st.times(),
    zone=st.sampled_from(["Europe/London", "Asia/Kathmandu", "America/New_York"]),
)
def test_the_time_to_answer_never_ends_before_the_message_or_after_the_visit(
    later: timedelta, ahead: timedelta, begin: time, end: time, zone: str
) -> None:
    now = local("2026-01-01 00:00").astimezone(UTC) + later
    asked = Asking(
        asked_at=now,
        starts_at=now + ahead,
        clinic_zone=MOSCOW,
        patient_zone=ZoneInfo(zone),
        quiet=QuietHours(begin=begin, end=end),
        lasts=None,
    )

    assert now <= asked.reached_at < asked.until <= asked.starts_at
    assert asked.reached_at <= asked.remind_at(asked.until) <= asked.until


def order(number: int) -> ReofferOrder:
    return ReofferOrder(campaign_id=UUID(int=1), appointment_id=UUID(int=2), round=number)


@pytest.mark.parametrize(
    ("pace", "number", "ahead", "verdict"),
    [
        ("running", 1, HOUR, Verdict.ASK_AGAIN),
        ("running", ROUNDS - 1, DAY, Verdict.ASK_AGAIN),
        ("running", ROUNDS, DAY, Verdict.ANSWERED),
        ("running", 1, HOUR / 2, Verdict.ANSWERED),
        ("paused", 1, DAY, Verdict.WAIT),
        ("stopped", 1, DAY, Verdict.ANSWERED),
    ],
)
def test_who_declines_is_asked_again_while_there_is_time(
    pace: str, number: int, ahead: timedelta, verdict: Verdict
) -> None:
    assert after_a_refusal(pace=pace, order=order(number), ahead=ahead) is verdict


def test_each_round_has_an_offer_of_its_own() -> None:
    assert len({order(number).offer_id for number in (1, 2, 3)}) == 3
    assert order(1).declined == []
    assert order(3).declined == [order(1).offer_id, order(2).offer_id]


def test_an_appointment_without_a_row_keeps_no_minutes() -> None:
    assert an_appointment(ends_at=None).kept_minutes is None


def test_lines_of_json_have_no_head_and_are_judged_one_by_one() -> None:
    content = b"{}"

    refuse_bad_file(content, Kind.FHIR)
    [row] = rows_of(content, Kind.FHIR, ZoneInfo("UTC"))

    assert isinstance(row, Wrong)
