"""Doctors' weekly plans, and the shifts that are published of them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from psycopg.sql import SQL

from adapters.postgres.acting import ACTING, told
from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor
from adapters.postgres.plan_rows import Affected, WrittenPlan, affected_of, facts_of, written
from adapters.postgres.rows import Row
from adapters.postgres.transactions import serializable
from domain.actors import ActorRef
from domain.errors import Changed, DoctorNotFound
from domain.plan import Plan, expand, instant_of
from domain.slot import Interval, day_of
from domain.spans import without
from domain.zones import zone_named

DESK = SQL("""
SELECT d.clinic_id, c.time_zone, clock_timestamp() AS now
FROM doctors d JOIN clinics c ON c.id = d.clinic_id WHERE d.id = %(doctor_id)s
""")

PLANS = SQL("""
SELECT version, effective_from, effective_until, weekly FROM plans
WHERE doctor_id = %(doctor_id)s ORDER BY version
""")

WRITE = SQL(f"""
INSERT INTO plans (id, doctor_id, clinic_id, version, effective_from, effective_until, weekly)
SELECT %(id)s, %(doctor_id)s, %(clinic_id)s, %(version)s, %(effective_from)s,
    CAST(%(effective_until)s AS date), CAST(%(weekly)s AS jsonb)
WHERE {ACTING}
""")

SHIFTS = SQL("""
SELECT lower(during) AS starts_at, upper(during) AS ends_at, state FROM shifts
WHERE doctor_id = %(doctor_id)s AND during && tstzrange(%(since)s, NULL)
""")

# A hold that has lapsed still occupies its time until its row is told so, as the foreign key sees.
ROWS = SQL("""
SELECT s.id, s.version, s.starts_at, s.ends_at, s.status,
    s.status <> 'held' OR s.held_until > clock_timestamp() AS is_live,
    p.phone IS NULL AND p.email IS NULL AS without_contact
FROM schedules s JOIN patients p ON p.id = s.patient_id
WHERE s.doctor_id = %(doctor_id)s
  AND s.starts_at >= CAST(%(since)s AS timestamptz) - interval '8 hours'
  AND s.occupies && tstzrange(%(since)s, NULL)
ORDER BY s.starts_at, s.id
""")

DEFER = SQL("SET CONSTRAINTS schedules_in_shift DEFERRED")
CHECK = SQL("SET CONSTRAINTS schedules_in_shift IMMEDIATE")

# A shift that stays as it is keeps its revision, so that only the days that change are read anew.
# What goes goes first: the INSERT reads from it.
PUBLISH = SQL("""
WITH wanted AS (
    SELECT tstzrange(starts_at, ends_at) AS during, state FROM unnest(
        CAST(%(starts)s AS timestamptz[]), CAST(%(ends)s AS timestamptz[]),
        CAST(%(states)s AS text[])
    ) AS w (starts_at, ends_at, state)
), gone AS (
    DELETE FROM shifts s
    WHERE s.doctor_id = %(doctor_id)s AND s.during && tstzrange(%(since)s, NULL)
      AND lower(s.during) >= %(since)s
      AND NOT EXISTS (SELECT FROM wanted w WHERE w.during = s.during AND w.state = s.state)
    RETURNING s.during
)
INSERT INTO shifts (doctor_id, during, state)
SELECT %(doctor_id)s, w.during, w.state FROM wanted w, (SELECT count(*) FROM gone) AS first
WHERE NOT EXISTS (
    SELECT FROM shifts s
    WHERE s.doctor_id = %(doctor_id)s AND s.during = w.during AND s.state = w.state
)
""")


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a change would do to those who have booked; `digest` names just this."""

    digest: str
    affected: tuple[Affected, ...]


@dataclass(frozen=True, kw_only=True)
class PlanOrder:
    """A plan to be written over `version`, accepted with what a preview with `digest` has shown."""

    doctor_id: UUID
    plan: Plan
    version: int
    digest: str | None
    horizon_days: int


@dataclass(frozen=True, kw_only=True)
class _Change:
    """The doctor's time from an instant on, as it is to be."""

    since: datetime
    open: list[Interval]
    closing: list[Interval]
    affected: tuple[Affected, ...]


async def latest_plan(connection: Cursor, doctor_id: UUID) -> WrittenPlan | None:
    """Raises `DoctorNotFound`."""
    if await connection.one_or_none(DESK, {"doctor_id": doctor_id}) is None:
        raise DoctorNotFound
    rows = await connection.all(PLANS, {"doctor_id": doctor_id})
    return written(rows[-1]) if rows else None


async def preview_plan(database: Database, order: PlanOrder) -> Preview:
    """What it would do; changes nothing."""

    async def work(connection: Cursor) -> Preview:
        _, change = await _planned(connection, order)
        return _preview(order, change)

    return await serializable(database, work)


async def write_plan(
    database: Database, order: PlanOrder, actor: ActorRef
) -> WrittenPlan | Preview:
    """The plan, its shifts published; or the preview, where somebody is affected unannounced.

    Raises `Changed` for a version or a digest that is no longer true.
    """

    async def work(connection: Cursor) -> WrittenPlan | Preview:
        desk, change = await _planned(connection, order)
        preview = _preview(order, change)
        if order.digest is not None and order.digest != preview.digest:
            raise Changed
        if order.digest is None and change.affected:
            return preview
        version = order.version + 1
        facts = {**facts_of(order.plan), "doctor_id": order.doctor_id, "version": version}
        who = {"id": uuid4(), "clinic_id": desk["clinic_id"], "actor": told(actor)}
        await connection.write(WRITE, {**facts, **who})
        await _publish(connection, order.doctor_id, change)
        return WrittenPlan(plan=order.plan, version=version)

    return await serializable(database, work)


async def _planned(connection: Cursor, order: PlanOrder) -> tuple[Row, _Change]:
    desk = await _desk(connection, order.doctor_id)
    known = [written(row) for row in await connection.all(PLANS, vars(order))]
    if order.version != (known[-1].version if known else 0):
        raise Changed
    plans = [each.plan for each in known] + [order.plan]
    today = day_of(desk["now"], zone_named(desk["time_zone"]))
    first = max(today, order.plan.effective_from)
    change = await _change(connection, order.doctor_id, desk, plans, first, order.horizon_days)
    return desk, change


async def _change(  # noqa: PLR0913, PLR0917 - whose, where, what, from when, until when
    connection: Cursor,
    doctor_id: UUID,
    desk: Row,
    plans: Sequence[Plan],
    first: date,
    horizon_days: int,
) -> _Change:
    """What the plans say from that day on, beside what is and who has booked."""
    zone = zone_named(desk["time_zone"])
    since = instant_of(datetime.combine(first, time()), zone)
    asked = {"doctor_id": doctor_id, "since": since}
    shifts = await connection.all(SHIFTS, asked)
    rows = await connection.all(ROWS, asked)
    kept = [_span(each) for each in shifts if each["starts_at"] < since]
    last = _last_day(desk["now"], horizon_days, shifts, zone)
    wanted = without(expand(plans, first, last, zone), kept)
    is_open = [_span(each) for each in shifts if each["state"] == "open"]
    closing = without(_joined_rows(rows), [*wanted, *kept])
    affected = tuple(
        affected_of(row)
        for row in rows
        if row["is_live"]
        and row["starts_at"] > desk["now"]
        and without([_span(row)], [*wanted, *kept])
        and not without([_span(row)], is_open)
    )
    return _Change(since=since, open=wanted, closing=closing, affected=affected)


def _joined_rows(rows: Sequence[Row]) -> list[Interval]:
    """The time that rows occupy; an overbooked one may lie upon another."""
    spans = [_span(row) for row in rows]
    return [part for nth, span in enumerate(spans) for part in without([span], spans[:nth])]


def _last_day(now: datetime, horizon_days: int, shifts: Sequence[Row], zone: ZoneInfo) -> date:
    """Of the horizon, or of the last shift that there is beyond it."""
    horizon = day_of(now, zone) + timedelta(days=horizon_days)
    return max([horizon, *(day_of(each["starts_at"], zone) for each in shifts)])


async def _publish(connection: Cursor, doctor_id: UUID, change: _Change) -> int:
    spans = [(each, "open") for each in change.open] + [
        (each, "closing") for each in change.closing if each.starts_at >= change.since
    ]
    asked = {
        "doctor_id": doctor_id,
        "since": change.since,
        "starts": [span.starts_at for span, _ in spans],
        "ends": [span.ends_at for span, _ in spans],
        "states": [state for _, state in spans],
    }
    await connection.write(DEFER, {})
    added = await connection.write(PUBLISH, asked)
    await connection.write(CHECK, {})
    return added


async def _desk(connection: Cursor, doctor_id: UUID) -> Row:
    desk = await connection.one_or_none(DESK, {"doctor_id": doctor_id})
    if desk is None:
        raise DoctorNotFound
    return desk


def _preview(order: PlanOrder, change: _Change) -> Preview:
    seen = [str(order.doctor_id), order.version, str(facts_of(order.plan))]
    seen += [f"{each.appointment_id} {each.version} {each.is_held}" for each in change.affected]
    digest = hashlib.sha256(json.dumps(seen).encode()).hexdigest()
    return Preview(digest=digest, affected=change.affected)


def _span(row: Row) -> Interval:
    return Interval(
        starts_at=row["starts_at"].astimezone(UTC), ends_at=row["ends_at"].astimezone(UTC)
    )
