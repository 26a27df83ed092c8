"""Free slots of many doctors, soonest first, as true as each doctor's own day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, func, select

from adapters.postgres.database import Connection
from adapters.postgres.openings import openings_of
from adapters.postgres.tables import clinics, doctors
from domain.search import TimesWished, cut
from domain.slot import Interval
from domain.zones import zone_named

FIRST_LOOK = timedelta(hours=2)
GROWTH = 4
"""Most find enough in the first hours that fit; each further look goes so much further."""
MOST_DOCTOR_HOURS = 48_000
"""Looked through for one page: where all is taken, the page ends early and its cursor goes on."""
LAST_ID = UUID(int=2**128 - 1)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Whose slots; null where it does not matter."""

    times: TimesWished
    specialty: str | None = None
    clinic_id: UUID | None = None
    doctor_id: UUID | None = None


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
    next_after: tuple[datetime, UUID] | None


async def find_slots(
    connection: Connection,
    wish: Wish,
    *,
    limit: int,
    after: tuple[datetime, UUID] | None = None,
) -> SlotPage:
    asked = await connection.execute(_whose(wish))
    rows = asked.all()
    if not rows:
        return SlotPage(slots=[], next_after=None)
    ids, zones = [row.id for row in rows], {zone_named(row.time_zone) for row in rows}
    now = rows[0].now
    spans = wish.times.spans(zones, now if after is None else max(now, after[0]))
    found: list[FreeSlot] = []
    look, left = FIRST_LOOK, MOST_DOCTOR_HOURS * timedelta(hours=1) / len(ids)
    while spans and len(found) <= limit and left > timedelta():
        near, spans = cut(spans, min(look, left))
        left -= look
        look *= GROWTH
        for span in near:
            found += await _free(connection, ids, span, wish.times, after)
            if len(found) > limit:
                spans = spans or [span]  # what was not looked at is not the end
                break
        reached = near[-1].ends_at
    return _page(found, limit, reached if spans and len(found) <= limit else None)


def _page(found: Sequence[FreeSlot], limit: int, reached: datetime | None) -> SlotPage:
    slots = list(found[:limit])
    if len(found) > limit:
        return SlotPage(slots=slots, next_after=(slots[-1].starts_at, slots[-1].doctor_id))
    if reached is not None:
        return SlotPage(slots=slots, next_after=(reached - timedelta(microseconds=1), LAST_ID))
    return SlotPage(slots=slots, next_after=None)


def _whose(wish: Wish) -> Select[*tuple[object, ...]]:
    wanted: Select[*tuple[object, ...]] = select(
        doctors.c.id, clinics.c.time_zone, func.clock_timestamp().label("now")
    ).join_from(doctors, clinics)
    if wish.specialty is not None:
        wanted = wanted.where(doctors.c.specialty == wish.specialty)
    if wish.clinic_id is not None:
        wanted = wanted.where(doctors.c.clinic_id == wish.clinic_id)
    if wish.doctor_id is not None:
        wanted = wanted.where(doctors.c.id == wish.doctor_id)
    return wanted


async def _free(
    connection: Connection,
    doctor_ids: Sequence[UUID],
    span: Interval,
    times: TimesWished,
    after: tuple[datetime, UUID] | None,
) -> list[FreeSlot]:
    """Of one stretch of time, in order."""
    return sorted(
        FreeSlot(
            starts_at=slot.starts_at,
            doctor_id=openings.desk.doctor_id,
            clinic_id=openings.desk.clinic_id,
            ends_at=slot.ends_at,
        )
        for openings in await openings_of(connection, doctor_ids, span)
        for slot in openings.free()
        if times.fits(slot.starts_at, openings.desk.zone)
        and (after is None or (slot.starts_at, openings.desk.doctor_id) > after)
    )
