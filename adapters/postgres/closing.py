"""Time of doctors taken away or given back, of a whole clinic at once.

What is empty goes, what somebody has booked closes: it takes no holds, and the foreign key goes on
protecting the visits. Every statement is for all of the doctors.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from psycopg.sql import SQL

from adapters.postgres.direct import Cursor
from adapters.postgres.plan_rows import Affected, affected_of
from adapters.postgres.rows import Row
from domain.plan_exceptions import parts_in
from domain.slot import Interval
from domain.spans import joined, without

SHIFTS = SQL("""
SELECT doctor_id, lower(during) AS starts_at, upper(during) AS ends_at, state FROM shifts
WHERE doctor_id = ANY(%(doctor_ids)s) AND during && tstzrange(%(starts_at)s, %(ends_at)s)
""")

# A hold that has lapsed still occupies its time until its row is told so, as the foreign key sees.
ROWS = SQL("""
SELECT s.id, s.doctor_id, s.version, s.starts_at, s.ends_at, s.status,
    s.status <> 'held' OR s.held_until > clock_timestamp() AS is_live,
    p.without_contact
FROM schedules s JOIN patient_facts p ON p.id = s.patient_id
WHERE s.doctor_id = ANY(%(doctor_ids)s)
  AND s.starts_at >= CAST(%(starts_at)s AS timestamptz) - interval '8 hours'
  AND s.starts_at < %(ends_at)s AND s.occupies && tstzrange(%(starts_at)s, %(ends_at)s)
ORDER BY s.starts_at, s.id
""")

# A shift that stays as it is keeps its revision, so that only the days that change are read anew.
# What goes goes first: the INSERT reads from it.
WRITE = SQL("""
WITH wanted AS (
    SELECT doctor_id, tstzrange(starts_at, ends_at) AS during, state FROM unnest(
        CAST(%(doctors)s AS uuid[]), CAST(%(starts)s AS timestamptz[]),
        CAST(%(ends)s AS timestamptz[]), CAST(%(states)s AS text[])
    ) AS w (doctor_id, starts_at, ends_at, state)
), gone AS (
    DELETE FROM shifts s
    WHERE s.doctor_id = ANY(%(doctor_ids)s)
      AND s.during && tstzrange(%(starts_at)s, %(ends_at)s)
      AND NOT EXISTS (
          SELECT FROM wanted w
          WHERE w.doctor_id = s.doctor_id AND w.during = s.during AND w.state = s.state
      )
    RETURNING s.during
)
INSERT INTO shifts (doctor_id, during, state)
SELECT w.doctor_id, w.during, w.state FROM wanted w, (SELECT count(*) FROM gone) AS first
WHERE NOT EXISTS (
    SELECT FROM shifts s
    WHERE s.doctor_id = w.doctor_id AND s.during = w.during AND s.state = w.state
)
""")

DEFER = SQL("SET CONSTRAINTS schedules_in_shift DEFERRED")
CHECK = SQL("SET CONSTRAINTS schedules_in_shift IMMEDIATE")

CLOSING, OPEN = "closing", "open"

Spans = Mapping[UUID, Sequence[Interval]]
"""Of each doctor."""


@dataclass(frozen=True, kw_only=True)
class Shift:
    """A shift as it is to be."""

    doctor_id: UUID
    during: Interval
    state: str


@dataclass(frozen=True, kw_only=True)
class Reshaping:
    """The shifts of these doctors around a time, as they are to be, and what they lose or gain."""

    doctor_ids: list[UUID]
    around: Interval
    wanted: list[Shift]
    changed: Spans
    affected: tuple[Affected, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Around:
    """What there is of one doctor around a time."""

    open: list[Interval]
    closing: list[Interval]
    rows: list[Row]


async def taken_away(
    connection: Cursor, spans: Spans, around: Interval, now: datetime
) -> Reshaping:
    """Without this time. Who has booked in it and has not begun is affected."""

    def less(doctor_id: UUID, has: _Around) -> _Shape:
        return _less(has, spans[doctor_id])

    return await _reshaped(connection, list(spans), around, less, now)


async def given(connection: Cursor, spans: Spans, around: Interval) -> Reshaping:
    """With this time, also where it was about to close."""

    def more(doctor_id: UUID, has: _Around) -> _Shape:
        added = without(spans[doctor_id], has.open)
        closing = without(has.closing, spans[doctor_id])
        return _Shape(open=[*has.open, *added], closing=closing, changed=added)

    return await _reshaped(connection, list(spans), around, more, None)


async def write_shifts(connection: Cursor, reshaping: Reshaping) -> None:
    """As part of a SERIALIZABLE transaction; the foreign key is looked at before it ends."""
    asked = {
        "doctor_ids": reshaping.doctor_ids,
        **vars(reshaping.around),
        "doctors": [each.doctor_id for each in reshaping.wanted],
        "starts": [each.during.starts_at for each in reshaping.wanted],
        "ends": [each.during.ends_at for each in reshaping.wanted],
        "states": [each.state for each in reshaping.wanted],
    }
    await connection.write(DEFER, {})
    await connection.write(WRITE, asked)
    await connection.write(CHECK, {})


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """What one doctor is to have; `changed` comes or goes."""

    open: list[Interval]
    closing: list[Interval]
    changed: list[Interval]


def _less(has: _Around, spans: Sequence[Interval]) -> _Shape:
    taken = parts_in(has.open, spans)
    booked = joined(_span(row) for row in has.rows)
    return _Shape(
        open=without(has.open, spans),
        closing=[*has.closing, *parts_in(booked, taken)],
        changed=taken,
    )


async def _reshaped(
    connection: Cursor,
    doctor_ids: list[UUID],
    around: Interval,
    shape: Callable[[UUID, _Around], _Shape],
    now: datetime | None,
) -> Reshaping:
    known = await _around(connection, doctor_ids, around)
    shapes = {doctor_id: shape(doctor_id, known[doctor_id]) for doctor_id in doctor_ids}
    wanted = [
        Shift(doctor_id=doctor_id, during=span, state=state)
        for doctor_id, each in shapes.items()
        for state, spans in ((OPEN, each.open), (CLOSING, each.closing))
        for span in spans
    ]
    hit = _hit(known, shapes, now) if now else ()
    return Reshaping(
        doctor_ids=doctor_ids,
        around=around,
        wanted=wanted,
        changed={doctor_id: each.changed for doctor_id, each in shapes.items()},
        affected=tuple(affected_of(row) for row in hit),
    )


def _hit(
    known: Mapping[UUID, _Around], shapes: Mapping[UUID, _Shape], now: datetime
) -> Iterable[Row]:
    """Whoever stands in what is taken. What was closing before is another campaign's."""
    rows = [
        row
        for doctor_id, has in known.items()
        for row in has.rows
        if row["is_live"]
        and row["status"] in {"held", "confirmed"}
        and row["starts_at"] > now
        and parts_in([_span(row)], shapes[doctor_id].changed)
    ]
    return sorted(rows, key=lambda row: (row["starts_at"], row["id"]))


async def _around(
    connection: Cursor, doctor_ids: list[UUID], around: Interval
) -> dict[UUID, _Around]:
    asked = {"doctor_ids": doctor_ids, **vars(around)}
    open_: defaultdict[UUID, list[Interval]] = defaultdict(list)
    closing: defaultdict[UUID, list[Interval]] = defaultdict(list)
    rows: defaultdict[UUID, list[Row]] = defaultdict(list)
    for shift in await connection.all(SHIFTS, asked):
        (open_ if shift["state"] == OPEN else closing)[shift["doctor_id"]].append(_span(shift))
    for row in await connection.all(ROWS, asked):
        rows[row["doctor_id"]].append(row)
    return {
        each: _Around(open=open_[each], closing=closing[each], rows=rows[each])
        for each in doctor_ids
    }


def _span(row: Row) -> Interval:
    return Interval(
        starts_at=row["starts_at"].astimezone(UTC), ends_at=row["ends_at"].astimezone(UTC)
    )
