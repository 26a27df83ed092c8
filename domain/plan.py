"""A doctor's weekly plan by the wall clock of the clinic, and the shifts that come of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from math import lcm
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.slot import Interval

MONDAY, SUNDAY = 1, 7
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
WEEKS_AHEAD = 52
"""So far ahead a plan is begun again at most; one that would wait longer is written over."""


@dataclass(frozen=True, kw_only=True)
class Weekly:
    """On duty on this weekday (Monday is 1); `until` midnight is the end of the day.

    Every so many weeks, counted from the one in which the plan begins.
    """

    weekday: int
    start: time
    until: time
    every_weeks: int = 1


@dataclass(frozen=True, kw_only=True)
class Plan:
    """In force from a date on; `effective_until` is its last day."""

    effective_from: date
    effective_until: date | None
    weekly: tuple[Weekly, ...]

    def is_on_duty(self, day: date) -> Iterator[Weekly]:
        """What of the week falls on this day."""
        if self.effective_until is not None and day > self.effective_until:
            return
        week = (_monday(day) - _monday(self.effective_from)).days // 7
        for each in self.weekly:
            if each.weekday == day.isoweekday() and week % each.every_weeks == 0:
                yield each

    def same_weeks_from(self, day: date) -> date:
        """From when on, this day or later, this week written anew changes nothing.

        Its weeks are counted from the one it begins in, so that not every day will do. Where none
        is near, it is the plan's own first day: then it is written over.
        """
        if day <= self.effective_from:
            return self.effective_from
        gone_by = (_monday(day) - _monday(self.effective_from)).days // 7
        wait = -gone_by % lcm(*(each.every_weeks for each in self.weekly))
        if wait == 0:
            return day
        found = _monday(day) + 7 * min(wait, WEEKS_AHEAD) * DAY
        is_near = wait <= WEEKS_AHEAD and found <= (self.effective_until or found)
        return found if is_near else self.effective_from


@dataclass(frozen=True, kw_only=True)
class PublishOrder:
    """Publish so many days ahead, for every doctor or those of one clinic."""

    horizon_days: int
    clinic_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Published:
    """How many doctors have a plan, whose time changed, and how many shifts that were."""

    doctors: int = 0
    changed: int = 0
    shifts: int = 0


def expand(plans: Sequence[Plan], first: date, last: date, zone: ZoneInfo) -> list[Interval]:
    """The shifts of these days, both included. The later a plan is written, the more it counts.

    A shift lasts from its first to its last wall-clock time: a gap of the clocks shortens it, a
    repeated hour lengthens it.
    """
    shifts: list[Interval] = []
    day = first
    while day <= last:
        plan = next((each for each in reversed(plans) if each.effective_from <= day), None)
        if plan is not None:
            shifts += _on(day, plan, zone)
        day += DAY
    return shifts


def overlap_in(weekly: Iterable[Weekly]) -> tuple[Weekly, Weekly] | None:
    """Two parts of the week that overlap: all of them fall into the week of the beginning."""
    ordered = sorted(weekly, key=lambda each: (each.weekday, each.start))
    for one, other in pairwise(ordered):
        if one.weekday == other.weekday and (one.until == time() or other.start < one.until):
            return one, other
    return None


def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """Of a wall clock that shows this twice, the first pass; never, the moment of the change."""
    early = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    late = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return early if early <= late else _change_between(late, early, zone)


def _on(day: date, plan: Plan, zone: ZoneInfo) -> Iterator[Interval]:
    for part in sorted(plan.is_on_duty(day), key=lambda each: each.start):
        last = day + DAY if part.until == time() else day
        starts_at = instant_of(datetime.combine(day, part.start), zone)
        ends_at = instant_of(datetime.combine(last, part.until), zone)
        if starts_at < ends_at:  # the clocks may skip all of it
            yield Interval(starts_at=starts_at, ends_at=ends_at)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the clocks change."""
    was = before.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = before + timedelta(seconds=(after - before) // SECOND // 2)
        if middle.astimezone(zone).utcoffset() == was:
            before = middle
        else:
            after = middle
    return after
