"""One doctor's day as patients see it: which slots are free, held or booked."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from itertools import chain
from typing import TypeVar
from uuid import UUID

from domain.booking import Status
from domain.rules import DoctorGrid
from domain.slot import MINUTE, Interval, day_bounds, slots_of

Span = TypeVar("Span", bound=Interval)


class SlotState(StrEnum):
    """What a patient may know of a slot."""

    FREE = "free"
    HELD = "held"
    BOOKED = "booked"
    OWN = "own"
    """Where the visit stands that the reader is moving."""


@dataclass(frozen=True, kw_only=True)
class Taken(Interval):
    """The time of a live row: a hold, which lapses, or a confirmed visit."""

    status: Status
    held_until: datetime | None


@dataclass(frozen=True, kw_only=True)
class DaySlot(Interval):
    """A slot with everything needed to tell its state at any instant, until its row changes."""

    booked: bool
    held_until: datetime | None
    is_closing: bool = False
    """Whether nobody can have it once its row is gone."""

    def is_listed(self, now: datetime) -> bool:
        """Not if it has begun, nor if it is free and cannot be held."""
        if self.starts_at <= now:
            return False
        return not self.is_closing or self.state(now) is not SlotState.FREE

    def state(self, now: datetime) -> SlotState:
        if self.booked:
            return SlotState.BOOKED
        if self.held_until is not None and self.held_until > now:
            return SlotState.HELD
        return SlotState.FREE


@dataclass(frozen=True, kw_only=True)
class ListedSlot(Interval):
    """A slot as it was at one instant."""

    state: SlotState


@dataclass(frozen=True, kw_only=True)
class DaySchedule:
    """What a patient sees of the day at one instant: no slot that has begun, no row's id."""

    doctor_id: UUID
    clinic_id: UUID
    date: date
    time_zone: str
    version: str
    slots: tuple[ListedSlot, ...]

    def with_own(self, own: Interval) -> "DaySchedule":
        """As whoever moves the visit that stands there sees it, also where it is on no slot."""
        others = (slot for slot in self.slots if slot.starts_at != own.starts_at)
        slot = ListedSlot(starts_at=own.starts_at, ends_at=own.ends_at, state=SlotState.OWN)
        return replace(self, slots=tuple(sorted((*others, slot), key=_start)))

    def taken_by(self, spans: Sequence[Interval]) -> "DaySchedule":
        """As if somebody had booked what is free of these."""
        booked = SlotState.BOOKED
        slots = (
            replace(slot, state=booked)
            if slot.state is SlotState.FREE and any(span.overlaps(slot) for span in spans)
            else slot
            for slot in self.slots
        )
        return replace(self, slots=tuple(slots))


@dataclass(frozen=True, kw_only=True)
class Day:
    """The day at one version. It is valid until a row or a shift changes, so it can be cached."""

    doctor_id: UUID
    clinic_id: UUID
    date: date
    time_zone: str
    version: str
    slots: tuple[DaySlot, ...]

    def closing(self, shifts: Sequence[Interval]) -> "Day":
        """The day when these shifts take no holds any more: only what is taken of them is left."""
        slots = (
            replace(slot, is_closing=any(shift.overlaps(slot) for shift in shifts))
            for slot in self.slots
        )
        left = tuple(s for s in slots if s.booked or s.held_until or not s.is_closing)
        return replace(self, slots=left) if shifts else self

    def changes_after(self, now: datetime) -> datetime | None:
        """When the day next changes without a write: a hold lapses, or a slot begins."""
        coming = (
            instant
            for slot in self.slots
            for instant in (slot.starts_at, slot.held_until)
            if instant is not None and instant > now
        )
        return min(coming, default=None)

    def at(self, now: datetime) -> DaySchedule:
        """The day as it is at `now`. A lapse and the passing of time need no write."""
        return DaySchedule(
            doctor_id=self.doctor_id,
            clinic_id=self.clinic_id,
            date=self.date,
            time_zone=self.time_zone,
            version=self.version,
            slots=tuple(
                ListedSlot(starts_at=slot.starts_at, ends_at=slot.ends_at, state=slot.state(now))
                for slot in self.slots
                if slot.is_listed(now)
            ),
        )


def reach_of(day: date, desk: DoctorGrid, minutes: int | None = None) -> Interval:
    """The span in which a row can touch a slot that begins on this local day."""
    bounds = day_bounds(day, desk.zone)
    longest = max(desk.slot_minutes, minutes or 0) * MINUTE
    return Interval(starts_at=bounds.starts_at, ends_at=bounds.ends_at + longest)


def compose(  # noqa: PLR0913 - what one snapshot has
    desk: DoctorGrid,
    day: date,
    version: str,
    shifts: Iterable[Interval],
    taken: Iterable[Taken],
    *,
    minutes: int | None = None,
) -> Day:
    """The slots of the grid with the rows that overlap them; a night shift's on its first date.

    For a service of other `minutes` each lasts as long as that.
    """
    beside = slots_beside(desk, day_bounds(day, desk.zone), shifts, taken, minutes=minutes)
    return Day(
        doctor_id=desk.doctor_id,
        clinic_id=desk.clinic_id,
        date=day,
        time_zone=desk.zone.key,
        version=version,
        slots=tuple(_judgeable(slot, rows) for slot, rows in beside),
    )


def free_slots(
    desk: DoctorGrid,
    window: Interval,
    shifts: Iterable[Interval],
    busy: Iterable[Interval],
    *,
    minutes: int | None = None,
) -> Iterator[Interval]:
    """The slots that begin in the window and that nothing of `busy` touches, earliest first."""
    beside = slots_beside(desk, window, shifts, busy, minutes=minutes)
    return (slot for slot, rows in beside if not rows)


def slots_beside(
    desk: DoctorGrid,
    window: Interval,
    shifts: Iterable[Interval],
    spans: Iterable[Span],
    *,
    minutes: int | None = None,
) -> Iterator[tuple[Interval, Sequence[Span]]]:
    """The slots that begin in the window, in order, each with what overlaps it.

    The only definition of "taken": a row of the same person overlaps the slot, at any desk.
    """
    slots = (
        slot
        for slot in _in_order(desk, shifts, minutes)
        if window.starts_at <= slot.starts_at < window.ends_at
    )
    return _beside(slots, spans)


def _in_order(
    desk: DoctorGrid, shifts: Iterable[Interval], minutes: int | None
) -> Iterator[Interval]:
    """The slots of shifts that never overlap (the database sees to that)."""
    ordered = sorted(shifts, key=_start)
    return chain.from_iterable(
        slots_of(s, desk.slot_minutes, desk.zone, minutes=minutes) for s in ordered
    )


def _beside(
    slots: Iterable[Interval], spans: Iterable[Span]
) -> Iterator[tuple[Interval, Sequence[Span]]]:
    """Each slot with the spans that overlap it, in one walk along both."""
    ahead = sorted(spans, key=_start)
    first = 0
    for slot in slots:
        while first < len(ahead) and ahead[first].ends_at <= slot.starts_at:
            first += 1
        last = first
        while last < len(ahead) and ahead[last].starts_at < slot.ends_at:
            last += 1
        yield slot, [span for span in ahead[first:last] if span.overlaps(slot)]


def _judgeable(slot: Interval, rows: Sequence[Taken]) -> DaySlot:
    return DaySlot(
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        booked=any(row.status is Status.CONFIRMED for row in rows),
        held_until=max((row.held_until for row in rows if row.held_until), default=None),
    )


def _start(span: Interval) -> datetime:
    return span.starts_at
