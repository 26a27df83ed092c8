"""Free slots of many doctors, soonest first, as true as each doctor's own day."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from operator import attrgetter
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import DateTime, Select, Text, Uuid, cast, func, literal, select, text
from sqlalchemy.dialects.postgresql import TSTZMULTIRANGE, Range, array
from sqlalchemy.dialects.postgresql.ranges import MultiRange
from sqlalchemy.types import NullType

from adapters.postgres.database import Connection
from adapters.postgres.tables import clinics, doctors, shifts
from domain.search import TimesWished, cut
from domain.slot import Interval, slots_of
from domain.zones import zone_named

FIRST_LOOK = timedelta(hours=2)
FURTHER = 3
"""Most find enough in the first hours that fit; each further look is so many times longer."""
PORTION = 200
MORE = 4
"""Most are free; where fewer than one in so many was, the next portion is so many times larger."""
MOST_LOOKED_AT = 2_000
"""Slots of one page: where all are taken, the page ends early and its cursor goes on."""
LAST_ID = UUID(int=2**128 - 1)

Place = tuple[datetime, UUID]
"""Where a slot stands in the list."""

# Each slot is looked up by itself, LIMIT sees to that: as a join it might be all visits at once.
FREE = text("""
SELECT wished.nth
FROM unnest(
    CAST(:practitioner_ids AS uuid[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])
) WITH ORDINALITY AS wished (practitioner_id, starts_at, ends_at, nth)
WHERE (
    SELECT s.id FROM schedules s
    WHERE s.practitioner_id = wished.practitioner_id
      AND s.occupies && tstzrange(wished.starts_at, wished.ends_at)
      AND (s.status <> 'held' OR s.held_until > clock_timestamp())
    LIMIT 1
) IS NULL
""")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Whose slots; null where it does not matter."""

    times: TimesWished
    specialty: str | None = None
    clinic_id: UUID | None = None
    doctor_id: UUID | None = None
    clinic_ids: frozenset[UUID] | None = None
    """The clinics that the caller may ask about; null for all."""


@dataclass(frozen=True, kw_only=True, order=True)
class FreeSlot:
    """One that is free now; slots stand in the order of their beginning, then of doctors."""

    starts_at: datetime
    doctor_id: UUID
    clinic_id: UUID
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class SlotPage:
    """`next_after` is where to go on, null at the end."""

    slots: list[FreeSlot]
    next_after: Place | None


@dataclass(frozen=True, kw_only=True)
class OnDuty:
    """The doctors who have this very shift and slots of this length."""

    shift: Interval
    slot_minutes: int
    zone: ZoneInfo
    clinic_id: UUID
    who: list[list[str]]
    """Of each the id and the person's."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One that fits, free or taken."""

    during: Interval
    doctor_id: str
    practitioner_id: str
    clinic_id: UUID

    @property
    def place(self) -> tuple[datetime, str]:
        return self.during.starts_at, self.doctor_id


async def find_slots(
    connection: Connection, wish: Wish, *, limit: int, after: Place | None = None
) -> SlotPage:
    """The slots of shifts in their order, a portion at a time, of which the free ones are kept."""
    now, zones = await _clocks(connection, wish)
    begin = max(after or (now, LAST_ID), (now, LAST_ID))
    spans = wish.times.spans(zones, begin[0])
    found: list[FreeSlot] = []
    look, portion, looked_at = FIRST_LOOK, PORTION, 0
    while spans:
        near, spans = cut(spans, look)
        look *= FURTHER
        slots = _in_order(await _on_duty(connection, wish, near), near, wish.times, begin)
        while some := list(islice(slots, min(portion, MOST_LOOKED_AT - looked_at))):
            free = await _free(connection, some)
            found += map(_told, free[: limit + 1 - len(found)])
            looked_at += len(some)
            if len(free) * MORE < len(some):
                portion *= MORE
            if len(found) > limit:
                last = found[limit - 1]
                return SlotPage(slots=found[:limit], next_after=(last.starts_at, last.doctor_id))
            if looked_at == MOST_LOOKED_AT:
                starts_at, doctor_id = some[-1].place
                return SlotPage(slots=found, next_after=(starts_at, UUID(doctor_id)))
    return SlotPage(slots=found, next_after=None)


async def _clocks(connection: Connection, wish: Wish) -> tuple[datetime, set[ZoneInfo]]:
    """The time of the database, and the zones of all clinics that may be meant."""
    asked = select(func.clock_timestamp(), func.array_agg(clinics.c.time_zone.distinct()))
    if wish.clinic_id is not None:
        asked = asked.where(clinics.c.id == wish.clinic_id)
    if wish.clinic_ids is not None:
        asked = asked.where(clinics.c.id.in_(wish.clinic_ids))
    if wish.doctor_id is not None:
        asked = asked.join_from(clinics, doctors).where(doctors.c.id == wish.doctor_id)
    now, names = (await connection.execute(asked)).one()
    return now, {zone_named(name) for name in names or ()}


async def _on_duty(
    connection: Connection, wish: Wish, spans: Sequence[Interval]
) -> Iterator[OnDuty]:
    """Who wishes can see, by shift: most doctors of a clinic have the same hours."""
    rows = await connection.execute(_whose(wish, spans))
    return (
        OnDuty(
            shift=Interval(starts_at=row.begins.astimezone(UTC), ends_at=row.ends.astimezone(UTC)),
            slot_minutes=row.slot_minutes,
            zone=zone_named(row.time_zone),
            clinic_id=row.clinic_id,
            who=row.who,
        )
        for row in rows
    )


def _whose(wish: Wish, spans: Sequence[Interval]) -> Select[*tuple[object, ...]]:
    sought = MultiRange([Range(span.starts_at, span.ends_at) for span in spans])
    instant = DateTime(timezone=True)
    shape = (
        func.lower(shifts.c.during, type_=instant).label("begins"),
        func.upper(shifts.c.during, type_=instant).label("ends"),
        doctors.c.slot_minutes,
        doctors.c.clinic_id,
        clinics.c.time_zone,
    )
    person = array([cast(doctors.c.id, Text), cast(doctors.c.practitioner_id, Text)])
    who = func.array_agg(person, type_=NullType()).label("who")  # lists of texts as they come
    wanted: Select[*tuple[object, ...]] = (
        select(*shape, who)
        .join_from(shifts, doctors, shifts.c.doctor_id == doctors.c.id)
        .join(clinics, doctors.c.clinic_id == clinics.c.id)
        .where(shifts.c.state == "open")
        .where(shifts.c.during.overlaps(literal(sought, TSTZMULTIRANGE)))
        .group_by(*shape)
    )
    if wish.specialty is not None:
        wanted = wanted.where(doctors.c.specialty == wish.specialty)
    if wish.clinic_id is not None:
        wanted = wanted.where(doctors.c.clinic_id == wish.clinic_id)
    if wish.clinic_ids is not None:
        wanted = wanted.where(doctors.c.clinic_id.in_(wish.clinic_ids))
    if wish.doctor_id is not None:
        wanted = wanted.where(doctors.c.id == literal(wish.doctor_id, Uuid))
    return wanted


def _in_order(
    on_duty: Iterable[OnDuty], spans: Sequence[Interval], times: TimesWished, after: Place
) -> Iterator[Slot]:
    """The slots that begin in the spans and fit; ids are in the same order as their texts."""
    whose: dict[datetime, list[tuple[OnDuty, Interval]]] = {}
    for each in on_duty:
        for slot in slots_of(each.shift, each.slot_minutes, each.zone):
            is_near = spans[0].starts_at <= slot.starts_at < spans[-1].ends_at
            if is_near and times.fits(slot.starts_at, each.zone):
                whose.setdefault(slot.starts_at, []).append((each, slot))
    behind = after[0], str(after[1])
    for starts_at in sorted(whose):
        slots = [
            Slot(during=slot, doctor_id=own, practitioner_id=person, clinic_id=each.clinic_id)
            for each, slot in whose[starts_at]
            for own, person in each.who
            if (starts_at, own) > behind
        ]
        yield from sorted(slots, key=attrgetter("doctor_id"))


async def _free(connection: Connection, slots: Sequence[Slot]) -> list[Slot]:
    """Those that nobody has: nothing live of the doctor's person overlaps them, at any desk."""
    asked = {
        "practitioner_ids": _array(slot.practitioner_id for slot in slots),
        "starts": _array(slot.during.starts_at.isoformat() for slot in slots),
        "ends": _array(slot.during.ends_at.isoformat() for slot in slots),
    }
    free = (await connection.execute(FREE, asked)).scalars()
    return [slots[nth - 1] for nth in sorted(free)]


def _told(slot: Slot) -> FreeSlot:
    return FreeSlot(
        starts_at=slot.during.starts_at,
        doctor_id=UUID(slot.doctor_id),
        clinic_id=slot.clinic_id,
        ends_at=slot.during.ends_at,
    )


def _array(words: Iterable[str]) -> str:
    """As PostgreSQL writes an array of words without commas, quotes or blanks."""
    return f"{{{','.join(words)}}}"
