"""When a patient could come: which days, and between which times of the clinic's wall clock."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.slot import MINUTE, Interval, day_bounds

A_DAY = timedelta(days=1)
FAR = timedelta(days=90)
FURTHEST = timedelta(days=1100)
"""No clinic plans further ahead."""


@dataclass(frozen=True, kw_only=True)
class TimesWished:
    """Dates and times are each clinic's own; a slot fits by its beginning, ends included.

    Without a first day it is today, wherever that is; without a last one as far as `FAR`.
    """

    first_day: date | None = None
    last_day: date | None = None
    weekdays: frozenset[int]
    earliest: time
    latest: time

    def fits(self, starts_at: datetime, zone: ZoneInfo) -> bool:
        local = starts_at.astimezone(zone)
        return (
            (self.first_day is None or self.first_day <= local.date())
            and (self.last_day is None or local.date() <= self.last_day)
            and local.isoweekday() in self.weekdays
            and self.earliest <= local.time() <= self.latest
        )

    def spans(self, zones: Iterable[ZoneInfo], after: datetime) -> list[Interval]:
        """What has to be looked at: every instant that may fit in one of the zones, in order."""
        found = (
            Interval(starts_at=max(span.starts_at, after), ends_at=span.ends_at)
            for zone in zones
            for span in self._days(zone, after)
            if span.ends_at > after
        )
        return list(_merged(sorted(found, key=lambda span: span.starts_at)))

    def _days(self, zone: ZoneInfo, after: datetime) -> Iterator[Interval]:
        today = after.astimezone(zone).date()
        day = max(self.first_day or today, today)
        last_day = self.last_day or day + FAR
        while day <= min(last_day, today + FURTHEST):
            if day.isoweekday() in self.weekdays:
                yield self._span(day, zone)
            day += A_DAY

    def _span(self, day: date, zone: ZoneInfo) -> Interval:
        bounds = day_bounds(day, zone)
        if bounds.ends_at - bounds.starts_at != A_DAY:
            return bounds
        return Interval(
            starts_at=datetime.combine(day, self.earliest, zone).astimezone(UTC),
            ends_at=datetime.combine(day, self.latest, zone).astimezone(UTC) + MINUTE,
        )


def _merged(spans: Iterable[Interval]) -> Iterator[Interval]:
    last: Interval | None = None
    for span in spans:
        if last is None:
            last = span
        elif span.starts_at <= last.ends_at:
            last = Interval(starts_at=last.starts_at, ends_at=max(last.ends_at, span.ends_at))
        else:
            yield last
            last = span
    if last is not None:
        yield last


def cut(spans: Iterable[Interval], length: timedelta) -> tuple[list[Interval], list[Interval]]:
    """The first `length` of time that the spans cover, and the rest."""
    taken, rest = list[Interval](), list[Interval]()
    for span in spans:
        part = min(span.ends_at - span.starts_at, length)
        middle = span.starts_at + part
        if part:
            taken.append(Interval(starts_at=span.starts_at, ends_at=middle))
        if middle < span.ends_at:
            rest.append(Interval(starts_at=middle, ends_at=span.ends_at))
        length -= part
    return taken, rest
