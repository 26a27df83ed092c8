"""Publishing: the shifts that come of a doctor's plans, beside what there is and who has booked.

A shift that stays as it is keeps its row, so that only the days that change are read anew.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.sql import SQL

from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor
from adapters.postgres.exception_rows import STANDING, made_exception, standing_since
from adapters.postgres.plan_rows import Affected, affected_of, written
from adapters.postgres.reads import read_by_cursor
from adapters.postgres.rows import Row
from adapters.postgres.transactions import serializable
from domain.plan import Plan, expand, instant_of
from domain.plan_exceptions import excepted, parts_in
from domain.slot import Interval, day_bounds, day_of, days_of
from domain.spans import apart, in_place_of, within, without
from domain.zones import zone_named

DESK = SQL("""
SELECT d.clinic_id, c.time_zone, clock_timestamp() AS now
FROM doctors d JOIN clinics c ON c.id = d.clinic_id WHERE d.id = %(doctor_id)s
""")

PLANS = SQL("""
SELECT version, effective_from, effective_until, weekly FROM plans
WHERE doctor_id = %(doctor_id)s ORDER BY version
""")

PLANNED = SQL("""
SELECT DISTINCT doctor_id FROM plans
WHERE doctor_id > %(after)s
  AND (CAST(%(clinic_id)s AS uuid) IS NULL OR clinic_id = %(clinic_id)s)
ORDER BY doctor_id LIMIT %(limit)s
""")

SHIFTS = SQL("""
SELECT lower(during) AS starts_at, upper(during) AS ends_at, state FROM shifts
WHERE doctor_id = %(doctor_id)s AND during && tstzrange(%(since)s, NULL)
""")

# A hold that has lapsed still occupies its time until its row is told so, as the foreign key sees.
ROWS = SQL("""
SELECT s.id, s.version, s.starts_at, s.ends_at, s.status,
    s.status <> 'held' OR s.held_until > clock_timestamp() AS is_live,
    p.without_contact
FROM schedules s JOIN patient_facts p ON p.id = s.patient_id
WHERE s.doctor_id = %(doctor_id)s
  AND s.starts_at >= CAST(%(since)s AS timestamptz) - interval '8 hours'
  AND s.occupies && tstzrange(%(since)s, NULL)
ORDER BY s.starts_at, s.id
""")

DEFER = SQL("SET CONSTRAINTS schedules_in_shift DEFERRED")
CHECK = SQL("SET CONSTRAINTS schedules_in_shift IMMEDIATE")

# Of one doctor no two shifts overlap, so that one is known by its beginning.
CUT = SQL("""
DELETE FROM shifts
WHERE doctor_id = %(doctor_id)s AND during && tstzrange(%(first)s, %(last)s)
  AND lower(during) = ANY(CAST(%(gone)s AS timestamptz[]))
""")

CHANGE = SQL("""
UPDATE shifts s SET during = tstzrange(w.starts_at, w.ends_at), state = w.state
FROM unnest(
    CAST(%(gone)s AS timestamptz[]), CAST(%(starts)s AS timestamptz[]),
    CAST(%(ends)s AS timestamptz[]), CAST(%(states)s AS text[])
) AS w (was_at, starts_at, ends_at, state)
WHERE s.doctor_id = %(doctor_id)s AND s.during && tstzrange(%(first)s, %(last)s)
  AND lower(s.during) = w.was_at
""")

OPEN = SQL("""
INSERT INTO shifts (doctor_id, during, state)
SELECT %(doctor_id)s, tstzrange(starts_at, ends_at), state FROM unnest(
    CAST(%(starts)s AS timestamptz[]), CAST(%(ends)s AS timestamptz[]), CAST(%(states)s AS text[])
) AS w (starts_at, ends_at, state)
""")

Stated = tuple[Interval, str]
"""A shift and its state."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """The doctor's time from an instant on, as it is and as it is to be."""

    since: datetime
    zone: ZoneInfo
    was: frozenset[Stated]
    open: list[Interval]
    closing: list[Interval]
    affected: tuple[Affected, ...]

    @cached_property
    def wanted(self) -> frozenset[Stated]:
        kept = [(each, "closing") for each in self.closing if each.starts_at >= self.since]
        return frozenset([*((each, "open") for each in self.open), *kept])

    @property
    def size(self) -> int:
        """How many shifts come, go, or are of another state."""
        return len({span for span, _ in self.was ^ self.wanted})

    @property
    def days(self) -> frozenset[date]:
        """On which these shifts are."""
        changed = self.was ^ self.wanted
        return frozenset(day for span, _ in changed for day in days_of(span, self.zone))


async def planned_doctors(
    database: Database, *, after: UUID, limit: int, clinic_id: UUID | None
) -> list[UUID]:
    """Doctors who have a plan, of one clinic if asked for, in the order of their ids."""
    asked = {"after": after, "limit": limit, "clinic_id": clinic_id}
    rows = await read_by_cursor(database, lambda cursor: cursor.all(PLANNED, asked))
    return [row["doctor_id"] for row in rows]


async def republish(database: Database, doctor_id: UUID, horizon_days: int) -> int:
    """Publish what the doctor's plans say from today on; how many shifts changed.

    Idempotent: what is as the plans say is left alone. Days before the first plan are not ours.
    """

    async def work(connection: Cursor) -> int:
        asked = {"doctor_id": doctor_id}
        desks, rows = await connection.all_of((DESK, asked), (PLANS, asked))
        plans = [written(row).plan for row in rows]
        if not desks or not plans:
            return 0
        first = min(each.effective_from for each in plans)
        change = await change_from(connection, doctor_id, desks[0], plans, first, horizon_days)
        await publish(connection, doctor_id, change)
        return change.size

    return await serializable(database, work)


async def plans_of(connection: Cursor, doctor_id: UUID) -> list[Plan]:
    """In the order in which they were written."""
    rows = await connection.all(PLANS, {"doctor_id": doctor_id})
    return [written(row).plan for row in rows]


async def change_from(  # noqa: PLR0913, PLR0917 - whose, where, what, from when, until when
    connection: Cursor,
    doctor_id: UUID,
    desk: Row,
    plans: Sequence[Plan],
    day: date,
    horizon_days: int,
) -> Change:
    """What the plans say from that day on, or from today, beside what is and who has booked."""
    zone = zone_named(desk["time_zone"])
    first = max(day, day_of(desk["now"], zone))
    since = instant_of(datetime.combine(first, time()), zone)
    asked = {"doctor_id": doctor_id, "since": since}
    shifts, rows, standing = await connection.all_of(
        (SHIFTS, asked), (ROWS, asked), (STANDING, standing_since([doctor_id], since))
    )
    exceptions = [made_exception(row).what for row in standing]
    kept = [_span(each) for each in shifts if each["starts_at"] < since]
    is_open = [_span(each) for each in shifts if each["state"] == "open"]
    horizon = day_of(desk["now"], zone) + timedelta(days=horizon_days)
    last = max([horizon, *(day_of(each["starts_at"], zone) for each in shifts)])
    window = Interval(starts_at=since, ends_at=day_bounds(last, zone).ends_at)
    until = day_bounds(horizon, zone).ends_at
    published = Interval(starts_at=min(since, until), ends_at=until)
    planned = parts_in(expand(plans, first, last, zone), [published, *is_open])
    wanted = without(excepted(planned, exceptions, zone, window), kept)
    spans = [_span(row) for row in rows]
    stays = within(spans, [*wanted, *kept])
    was_outside = set(spans) - within(spans, is_open)
    affected = tuple(
        affected_of(row)
        for row, span in zip(rows, spans, strict=True)
        if row["is_live"]
        and row["status"] in {"held", "confirmed"}
        and row["starts_at"] > desk["now"]
        and span not in stays | was_outside
    )
    return Change(
        since=since,
        zone=zone,
        was=frozenset(
            (_span(each), each["state"]) for each in shifts if each["starts_at"] >= since
        ),
        open=wanted,
        closing=without(apart(spans), [*wanted, *kept]),
        affected=affected,
    )


async def publish(connection: Cursor, doctor_id: UUID, change: Change) -> None:
    """Write what changes; nothing, where it is as it is to be. What goes goes first.

    A row that changes costs less than one that goes and one that comes. By turns, 200 doctors: a
    third of the processors' time where Mondays change, and a tenth where every day does.
    """
    gone, added = dict(change.was - change.wanted), dict(change.wanted - change.was)
    changed = in_place_of(gone, added)
    cut, opened = gone.keys() - changed.keys(), added.keys() - set(changed.values())
    async with connection.pipeline():
        if gone:
            await connection.write(DEFER, {})
        if cut:
            await connection.write(CUT, {"doctor_id": doctor_id, **_beginnings(cut)})
        if changed:
            become = _columns((span, added[span]) for span in changed.values())
            asked = {"doctor_id": doctor_id, **_beginnings(changed), **become}
            await connection.write(CHANGE, asked)
        if opened:
            columns = _columns((span, added[span]) for span in opened)
            await connection.write(OPEN, {"doctor_id": doctor_id, **columns})
        if gone:
            await connection.write(CHECK, {})


def _beginnings(spans: Iterable[Interval]) -> dict[str, object]:
    ordered = sorted(spans, key=lambda each: each.starts_at)
    return {
        "first": ordered[0].starts_at,
        "last": ordered[-1].ends_at,
        "gone": [span.starts_at for span in ordered],
    }


def _columns(shifts: Iterable[Stated]) -> dict[str, list[object]]:
    ordered = sorted(shifts, key=lambda each: each[0].starts_at)
    return {
        "starts": [span.starts_at for span, _ in ordered],
        "ends": [span.ends_at for span, _ in ordered],
        "states": [state for _, state in ordered],
    }


def _span(row: Row) -> Interval:
    return Interval(
        starts_at=row["starts_at"].astimezone(UTC), ends_at=row["ends_at"].astimezone(UTC)
    )
