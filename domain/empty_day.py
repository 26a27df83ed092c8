"""Why nothing of a doctor's day can be booked: one answer for every page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from domain.day import free_slots
from domain.plan import Plan, expand
from domain.plan_exceptions import ExceptionKind, PlanException, excepted, parts_in
from domain.rules import DoctorGrid
from domain.slot import Interval, day_bounds
from domain.spans import without


class WhyEmpty(StrEnum):
    """What a page says in place of free times."""

    OVER = "over"
    """The last time has begun."""

    FULL = "full"
    TOO_SHORT = "too_short"
    """Time is left, but in no gap that is long enough."""

    CLOSED = "closed"
    """An exception from the plan: a leave, a holiday."""

    NOT_YET = "not_yet"
    """Planned, but further ahead than can be booked."""

    OFF_DUTY = "off_duty"


@dataclass(frozen=True, kw_only=True)
class DayFacts:
    """What is known of the day: the open shifts that touch it, who is busy when, the plans."""

    desk: DoctorGrid
    day: date
    now: datetime
    shifts: Sequence[Interval]
    busy: Sequence[Interval]
    plans: Sequence[Plan]
    exceptions: Sequence[PlanException]
    minutes: int | None = None


def why_empty(facts: DayFacts) -> WhyEmpty | None:
    """Null where something is free."""
    bounds = day_bounds(facts.day, facts.desk.zone)
    slots = list(_slots(facts, bounds, ()))
    if slots:
        ahead = [slot for slot in slots if slot.starts_at > facts.now]
        if not ahead:
            return WhyEmpty.OVER
        if any(slot.starts_at > facts.now for slot in _slots(facts, bounds, facts.busy)):
            return None
        left = Interval(starts_at=ahead[0].starts_at, ends_at=ahead[-1].ends_at)
        gaps = without(parts_in(facts.shifts, [left]), facts.busy)
        return WhyEmpty.TOO_SHORT if gaps else WhyEmpty.FULL
    if bounds.ends_at <= facts.now:
        return WhyEmpty.OVER
    if parts_in(facts.shifts, [bounds]):
        return WhyEmpty.TOO_SHORT
    return _why_off(facts, bounds)


def _slots(facts: DayFacts, bounds: Interval, busy: Sequence[Interval]) -> Sequence[Interval]:
    return list(free_slots(facts.desk, bounds, facts.shifts, busy, minutes=facts.minutes))


def _why_off(facts: DayFacts, bounds: Interval) -> WhyEmpty:
    """There is no shift: nothing was planned, it was taken away, or it is not published yet."""
    zone = facts.desk.zone
    planned = expand(facts.plans, facts.day, facts.day, zone)
    if planned:
        left = excepted(planned, facts.exceptions, zone, bounds)
        return WhyEmpty.NOT_YET if left else WhyEmpty.CLOSED
    removed = (each for each in facts.exceptions if each.kind is ExceptionKind.REMOVE)
    is_closed = any(each.span(zone).overlaps(bounds) for each in removed)
    return WhyEmpty.CLOSED if is_closed and not facts.plans else WhyEmpty.OFF_DUTY
