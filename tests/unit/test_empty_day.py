"""Why nothing of a day can be booked: each reason, and none where something is free."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from domain.empty_day import DayFacts, WhyEmpty, why_empty
from domain.plan import Plan, Weekly
from domain.plan_exceptions import ExceptionKind, PlanException
from domain.rules import DoctorGrid
from domain.slot import Interval

MONDAY = date(2027, 3, 1)
MOSCOW = ZoneInfo("Europe/Moscow")
ANYBODY = UUID(int=1)


def at(clock: str, day: date = MONDAY) -> datetime:
    local = datetime.combine(day, time.fromisoformat(clock), MOSCOW)
    return local.astimezone(UTC)


def span(begins: str, ends: str) -> Interval:
    return Interval(starts_at=at(begins), ends_at=at(ends))


PLAN = Plan(
    effective_from=MONDAY,
    effective_until=None,
    weekly=(Weekly(weekday=1, start=time(9), until=time(11)),),
)
ON_DUTY = DayFacts(
    desk=DoctorGrid(
        doctor_id=ANYBODY,
        practitioner_id=ANYBODY,
        clinic_id=ANYBODY,
        slot_minutes=30,
        zone=MOSCOW,
    ),
    day=MONDAY,
    now=at("08:00"),
    shifts=[span("09:00", "11:00")],
    busy=[],
    plans=[PLAN],
    exceptions=[],
)
OFF_DUTY = replace(ON_DUTY, shifts=[])
LEAVE = PlanException(
    kind=ExceptionKind.REMOVE,
    start=datetime.combine(MONDAY, time()),
    until=datetime.combine(MONDAY + timedelta(days=1), time()),
)
MORE = PlanException(
    kind=ExceptionKind.ADD,
    start=datetime.combine(MONDAY, time(14)),
    until=datetime.combine(MONDAY, time(15)),
)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (ON_DUTY, None),
        (replace(ON_DUTY, busy=[span("09:00", "10:30")]), None),
        (replace(ON_DUTY, busy=[span("09:00", "11:00")]), WhyEmpty.FULL),
        (replace(ON_DUTY, now=at("09:40"), busy=[span("10:00", "11:00")]), WhyEmpty.FULL),
        (replace(ON_DUTY, busy=[span("09:10", "10:50")]), WhyEmpty.TOO_SHORT),
        (replace(ON_DUTY, busy=[span("09:30", "10:30")], minutes=60), WhyEmpty.TOO_SHORT),
        (replace(ON_DUTY, shifts=[span("09:00", "09:20")]), WhyEmpty.TOO_SHORT),
        (replace(ON_DUTY, now=at("10:40")), WhyEmpty.OVER),
        (replace(OFF_DUTY, now=at("08:00", date(2027, 3, 2))), WhyEmpty.OVER),
        (replace(OFF_DUTY, exceptions=[LEAVE]), WhyEmpty.CLOSED),
        (OFF_DUTY, WhyEmpty.NOT_YET),
        (replace(OFF_DUTY, day=date(2027, 3, 2)), WhyEmpty.OFF_DUTY),
        (replace(OFF_DUTY, day=date(2027, 3, 2), exceptions=[LEAVE]), WhyEmpty.OFF_DUTY),
        (replace(OFF_DUTY, plans=[], exceptions=[LEAVE]), WhyEmpty.CLOSED),
        (replace(OFF_DUTY, plans=[], exceptions=[MORE]), WhyEmpty.OFF_DUTY),
    ],
)
def test_a_day_says_why_nothing_of_it_can_be_booked(facts: DayFacts, why: WhyEmpty | None) -> None:
    assert why_empty(facts) is why
