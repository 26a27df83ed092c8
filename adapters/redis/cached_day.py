"""The format of a cached day: its version and its slots, without patients or appointments."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import orjson

from adapters.postgres.days import DayVersion
from domain.day import Day, DaySlot

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
FREE, BOOKED = 0, 1
"""The state of a cached slot: free, booked, or the instant until which it is held. That instant is
negative if nobody can have the slot afterwards."""


def key_of(doctor_id: UUID, day: date) -> str:
    return f"priyom:day:2:{doctor_id}:{day.isoformat()}"


def encoded(day: Day) -> bytes:
    slots = [[_micros(s.starts_at), _micros(s.ends_at), _mark(s)] for s in day.slots]
    return orjson.dumps([day.version, slots])


def decoded(kept: bytes, doctor_id: UUID, day: date, current: DayVersion) -> Day | None:
    """The cached day if it has the current version; None if it has not, or cannot be read."""
    try:
        version, slots = orjson.loads(kept)
        if version != current.version:
            return None
        return Day(
            doctor_id=doctor_id,
            clinic_id=current.desk.clinic_id,
            date=day,
            time_zone=current.desk.zone.key,
            version=version,
            slots=tuple(_slot(*slot) for slot in slots),
        )
    except (ValueError, TypeError, OverflowError):
        return None


def _mark(slot: DaySlot) -> int:
    if slot.booked:
        return BOOKED
    if slot.held_until is None:
        return FREE
    return -_micros(slot.held_until) if slot.is_closing else _micros(slot.held_until)


def _slot(starts_at: int, ends_at: int, mark: int) -> DaySlot:
    return DaySlot(
        starts_at=EPOCH + starts_at * MICROSECOND,
        ends_at=EPOCH + ends_at * MICROSECOND,
        booked=mark == BOOKED,
        held_until=EPOCH + abs(mark) * MICROSECOND if abs(mark) > BOOKED else None,
        is_closing=mark < FREE,
    )


def _micros(instant: datetime) -> int:
    return (instant - EPOCH) // MICROSECOND
