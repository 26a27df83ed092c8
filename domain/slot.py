"""Slots: the grid of a shift by the clinic's wall clock, and the days it falls on."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Half-open span of time, `starts_at` included, aware UTC."""

    starts_at: datetime
    ends_at: datetime

    def overlaps(self, other: "Interval") -> bool:
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


def day_of(instant: datetime, zone: ZoneInfo) -> date:
    """The clinic's local date of an instant."""
    return instant.astimezone(zone).date()


def days_of(span: Interval, zone: ZoneInfo) -> set[date]:
    """The clinic's local dates on which any of a span lies."""
    first, last = day_of(span.starts_at, zone), day_of(span.ends_at - datetime.resolution, zone)
    return {first + timedelta(days=n) for n in range((last - first).days + 1)}


@lru_cache(maxsize=1_000)
def day_bounds(day: date, zone: ZoneInfo) -> Interval:
    """One local day, 23 to 25 hours long, as instants."""
    return Interval(
        starts_at=_instant(datetime.combine(day, time()), zone),
        ends_at=_instant(datetime.combine(day + timedelta(days=1), time()), zone),
    )


def slots_of(
    shift: Interval, slot_minutes: int, zone: ZoneInfo, *, minutes: int | None = None
) -> Iterator[Interval]:
    """The slots of one shift, in order.

    They begin every `slot_minutes` of the local wall clock, from the shift's beginning. So a
    patient reads 09:00, 09:30, 10:00 on every day of the year. An hour that the clocks skip
    has no slots; an hour that they repeat has them twice. A slot lasts `slot_minutes` of real
    time, ends within the shift and never overlaps the one before it.

    Where a service takes other `minutes`, these are the same beginnings, as far as it fits.
    """
    step, length = slot_minutes * MINUTE, (minutes or slot_minutes) * MINUTE
    free_from = shift.starts_at
    for starts_at in _grid(shift, slot_minutes, zone):
        ends_at = starts_at + length
        if starts_at >= free_from and ends_at <= shift.ends_at:
            yield Interval(starts_at=starts_at, ends_at=ends_at)
            free_from = starts_at + step


def slot_at(
    instant: datetime,
    shifts: list[Interval],
    slot_minutes: int,
    zone: ZoneInfo,
    *,
    minutes: int | None = None,
) -> Interval | None:
    """The slot that begins exactly at `instant`, if one of the shifts has it."""
    for shift in shifts:
        if shift.starts_at <= instant < shift.ends_at:
            slots = slots_of(shift, slot_minutes, zone, minutes=minutes)
            return next((slot for slot in slots if slot.starts_at == instant), None)
    return None


def _grid(shift: Interval, slot_minutes: int, zone: ZoneInfo) -> Iterator[datetime]:
    """Instants in the shift whose wall clock is on the grid that begins with the shift."""
    step = slot_minutes * MINUTE
    first, last = shift.starts_at.astimezone(zone), shift.ends_at.astimezone(zone)
    if first.utcoffset() == last.utcoffset():  # no clock change inside: plain steps
        instant = shift.starts_at
        while instant < shift.ends_at:
            yield instant
            instant += step
        return
    yield from sorted(_grid_over_a_clock_change(shift, step, zone))


def _grid_over_a_clock_change(shift: Interval, step: timedelta, zone: ZoneInfo) -> set[datetime]:
    wall = shift.starts_at.astimezone(zone).replace(tzinfo=None)
    end = shift.ends_at.astimezone(zone).replace(tzinfo=None) + timedelta(hours=2)
    found: set[datetime] = set()
    while wall < end:
        for fold in (0, 1):
            instant = _instant(wall.replace(fold=fold), zone)
            exists = instant.astimezone(zone).replace(tzinfo=None, fold=0) == wall
            if exists and shift.starts_at <= instant < shift.ends_at:
                found.add(instant)
        wall += step
    return found


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    return wall.replace(tzinfo=zone).astimezone(UTC)
