"""Withdraw an exception from plans: what is left of it is as it would be without."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.sql import SQL

from adapters.postgres.acting import ACTING, told
from adapters.postgres.closing import Reshaping, Spans, given, taken_away, write_shifts
from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor
from adapters.postgres.exception_rows import (
    COLUMNS,
    MadeException,
    made_exception,
    standing_exceptions,
)
from adapters.postgres.exceptions import Over, ahead
from adapters.postgres.plan_rows import written
from adapters.postgres.rows import Row
from adapters.postgres.transactions import serializable
from domain.actors import ActorRef
from domain.errors import ExceptionNotFound, VisitsAffected
from domain.plan import Plan, expand
from domain.plan_exceptions import ExceptionKind, excepted, parts_in
from domain.slot import Interval, day_bounds, day_of, days_of
from domain.spans import without
from domain.zones import zone_named

ONE = SQL(f"""
SELECT {COLUMNS}, e.withdrawn_at, c.time_zone, clock_timestamp() AS now
FROM exceptions e JOIN clinics c ON c.id = e.clinic_id WHERE e.id = %(exception_id)s
""")  # noqa: S608 - our own columns

SPANS = SQL("""
SELECT doctor_id, lower(during) AS starts_at, upper(during) AS ends_at
FROM exception_spans WHERE exception_id = %(exception_id)s ORDER BY doctor_id, during
""")

STILL_OPEN = SQL("""
SELECT doctor_id, lower(during) AS starts_at, upper(during) AS ends_at FROM shifts
WHERE doctor_id = ANY(%(doctor_ids)s) AND state = 'open'
  AND during && tstzrange(%(starts_at)s, %(ends_at)s)
""")

PLANS = SQL("""
SELECT doctor_id, version, effective_from, effective_until, weekly FROM plans
WHERE doctor_id = ANY(%(doctor_ids)s) ORDER BY doctor_id, version
""")

DOCTORS = SQL("""
SELECT id FROM doctors
WHERE clinic_id = %(clinic_id)s AND coalesce(id = CAST(%(doctor_id)s AS uuid), true) ORDER BY id
""")

WITHDRAW = SQL(f"""
UPDATE exceptions SET withdrawn_at = clock_timestamp(), version = version + 1
WHERE id = %(exception_id)s AND {ACTING}
""")  # noqa: S608

STOP = SQL(f"""
UPDATE campaigns SET state = 'stopped', version = version + 1
WHERE exception_id = %(exception_id)s AND state <> 'stopped' AND {ACTING}
""")  # noqa: S608


@dataclass(frozen=True, kw_only=True)
class Withdrawn:
    """The exception that is no more; null shifts where it was withdrawn before, or is over."""

    exception: MadeException
    reshaping: Reshaping | None


@dataclass(frozen=True, kw_only=True)
class _Desk:
    """Where the clinic is, and how far plans are published."""

    zone: ZoneInfo
    published: Interval


async def find_exception(connection: Cursor, exception_id: UUID) -> MadeException:
    """Raises `ExceptionNotFound`."""
    row = await connection.one_or_none(ONE, {"exception_id": exception_id})
    if row is None:
        raise ExceptionNotFound
    return made_exception(row)


async def withdraw_exception(
    database: Database, exception_id: UUID, actor: ActorRef, *, horizon_days: int
) -> Withdrawn:
    """What it took is open again, as the plans of now say; its campaign asks nobody else.

    Time that there is only because of it is taken away, unless somebody has booked there:
    `VisitsAffected`.
    """

    async def work(connection: Cursor) -> Withdrawn:
        row = await connection.one_or_none(ONE, {"exception_id": exception_id})
        if row is None:
            raise ExceptionNotFound
        made = made_exception(row)
        if row["withdrawn_at"] is not None:
            return Withdrawn(exception=made, reshaping=None)
        asked = {"exception_id": exception_id, "actor": told(actor)}
        await connection.write(WITHDRAW, asked)
        await connection.write(STOP, asked)
        try:
            reshaping = await _undone(connection, made, row, horizon_days)
        except Over:
            return Withdrawn(exception=made, reshaping=None)
        await write_shifts(connection, reshaping)
        return Withdrawn(exception=made, reshaping=reshaping)

    return await serializable(database, work)


async def _undone(
    connection: Cursor, made: MadeException, row: Row, horizon_days: int
) -> Reshaping:
    zone, now = zone_named(row["time_zone"]), row["now"]
    span = ahead(made.what.span(zone), now)
    asked = {"clinic_id": made.clinic_id, "doctor_id": made.doctor_id}
    doctor_ids = [each["id"] for each in await connection.all(DOCTORS, asked)]
    until = day_bounds(day_of(now, zone) + timedelta(days=horizon_days), zone).ends_at
    desk = _Desk(zone=zone, published=Interval(starts_at=min(now, span.starts_at), ends_at=until))
    changed = await _spans(connection, SPANS, {"exception_id": made.exception_id})
    if made.what.kind is ExceptionKind.ADD:
        around = {"doctor_ids": doctor_ids, **vars(span)}
        is_open = await _spans(connection, STILL_OPEN, around)
        before = {each: without(is_open[each], changed[each]) for each in doctor_ids}
        stays = await _as_planned(connection, before, span, desk)
        added = {each: without([span], stays[each]) for each in doctor_ids}
        reshaping = await taken_away(connection, added, span, now)
        if reshaping.affected:
            raise VisitsAffected
        return reshaping
    before = {each: changed[each] for each in doctor_ids}
    return await given(connection, await _as_planned(connection, before, span, desk), span)


async def _spans(
    connection: Cursor, statement: SQL, asked: dict[str, object]
) -> defaultdict[UUID, list[Interval]]:
    found: defaultdict[UUID, list[Interval]] = defaultdict(list)
    for row in await connection.all(statement, asked):
        found[row["doctor_id"]].append(_span(row))
    return found


async def _as_planned(connection: Cursor, before: Spans, span: Interval, desk: _Desk) -> Spans:
    """As it would be without the exception. Whose days follow no plan has what was before."""
    doctor_ids = list(before)
    plans: defaultdict[UUID, list[Plan]] = defaultdict(list)
    for row in await connection.all(PLANS, {"doctor_ids": doctor_ids}):
        plans[row["doctor_id"]].append(written(row).plan)
    others = await standing_exceptions(connection, doctor_ids, span.starts_at)
    return {
        each: parts_in(
            excepted(_base(plans[each], before[each], span, desk), others[each], desk.zone, span),
            [span],
        )
        for each in doctor_ids
    }


def _base(
    plans: list[Plan], before: Sequence[Interval], span: Interval, desk: _Desk
) -> list[Interval]:
    """Nothing is published beyond the horizon, but for what was before."""
    if not plans:
        return list(before)
    begins = day_bounds(min(each.effective_from for each in plans), desk.zone).starts_at
    unplanned = parts_in(before, [Interval(starts_at=min(begins, span.starts_at), ends_at=begins)])
    first, last = day_of(span.starts_at, desk.zone), day_of(span.ends_at, desk.zone)
    planned = expand(plans, first, last, desk.zone)
    return [*unplanned, *parts_in(planned, [desk.published, *before])]


def _span(row: Row) -> Interval:
    return Interval(
        starts_at=row["starts_at"].astimezone(UTC), ends_at=row["ends_at"].astimezone(UTC)
    )


def changed_days(reshaping: Reshaping, zone: ZoneInfo) -> set[tuple[UUID, date]]:
    """Whose days have changed, by the clinic's dates."""
    return {
        (doctor_id, day)
        for doctor_id, spans in reshaping.changed.items()
        for span in spans
        for day in days_of(span, zone)
    }
