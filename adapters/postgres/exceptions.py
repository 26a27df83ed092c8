"""Make an exception from plans: close first, in the transaction that answers, and leave nobody."""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

from psycopg.sql import SQL

from adapters.postgres.acting import ACTING, told
from adapters.postgres.campaign_rows import NewCampaign, begin_campaign, campaign_of_digest
from adapters.postgres.closing import Reshaping, given, taken_away, write_shifts
from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor
from adapters.postgres.plans import Preview
from adapters.postgres.rows import Row
from adapters.postgres.transactions import serializable
from domain.actors import ActorRef
from domain.errors import Changed, ClinicNotFound
from domain.plan_exceptions import ExceptionKind, ExceptionReason, PlanException, Policy
from domain.slot import Interval
from domain.zones import zone_named

# What was withdrawn stands in the digest, and so does what undoes this: the opposite of it, for one
# of the same doctors at some of the same time. So the same exception can be made again.
SCOPE = SQL("""
SELECT c.time_zone, clock_timestamp() AS now,
    ARRAY(SELECT d.id FROM doctors d
          WHERE d.clinic_id = c.id AND coalesce(d.id = CAST(%(doctor_id)s AS uuid), true)
          ORDER BY d.id) AS doctor_ids,
    (SELECT count(*) FROM exceptions e
     WHERE e.clinic_id = c.id AND (
         e.withdrawn_at IS NOT NULL
         OR e.kind <> %(kind)s AND e.wall_from < %(wall_until)s AND e.wall_until > %(wall_from)s
            AND coalesce(e.doctor_id = CAST(%(doctor_id)s AS uuid), true)
     )) AS undone
FROM clinics c WHERE c.id = %(clinic_id)s
""")

MAKE = SQL(f"""
INSERT INTO exceptions (id, clinic_id, doctor_id, kind, wall_from, wall_until, reason)
SELECT %(id)s, %(clinic_id)s, CAST(%(doctor_id)s AS uuid), %(kind)s, %(wall_from)s, %(wall_until)s,
    %(reason)s
WHERE {ACTING}
""")

KEEP = SQL("""
INSERT INTO exception_spans (exception_id, doctor_id, during)
SELECT %(id)s, doctor_id, tstzrange(starts_at, ends_at) FROM unnest(
    CAST(%(doctors)s AS uuid[]), CAST(%(starts)s AS timestamptz[]),
    CAST(%(ends)s AS timestamptz[])
) AS w (doctor_id, starts_at, ends_at)
""")


@dataclass(frozen=True, kw_only=True)
class ExceptionOrder:
    """An exception of one doctor or of a clinic, accepted with what a preview has shown."""

    clinic_id: UUID
    doctor_id: UUID | None
    what: PlanException
    reason: ExceptionReason
    policy: Policy
    digest: str | None


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """An exception that was made, and the campaign for whoever is affected."""

    exception_id: UUID
    campaign_id: UUID
    reshaping: Reshaping | None = None
    """Null where it was made before."""


class Over(Exception):
    """All of the time that is meant has passed."""


async def preview_exception(database: Database, order: ExceptionOrder) -> Preview:
    """What it would do; changes nothing. Raises `Over`."""

    async def work(connection: Cursor) -> Preview:
        preview, _ = await _seen(connection, order)
        return preview

    return await serializable(database, work)


async def make_exception(
    database: Database, order: ExceptionOrder, actor: ActorRef
) -> Accepted | Preview:
    """The time is closed when this returns; or the preview, where somebody is affected unannounced.

    The same digest again is answered with what it made. Raises `Changed` for one that is no longer
    true, and `Over`.
    """

    async def work(connection: Cursor) -> Accepted | Preview:
        if order.digest is not None and (made := await _made_before(connection, order.digest)):
            return made
        preview, reshaping = await _seen(connection, order)
        if order.digest is not None and order.digest != preview.digest:
            raise Changed
        if order.digest is None and preview.affected:
            return preview
        if made := await _made_before(connection, preview.digest):
            return made
        return await _made(connection, order, preview, reshaping, actor)

    return await serializable(database, work)


async def _made_before(connection: Cursor, digest: str) -> Accepted | None:
    made = await campaign_of_digest(connection, digest)
    if made is None or made.exception_id is None:
        return None
    return Accepted(exception_id=made.exception_id, campaign_id=made.campaign_id)


async def _made(
    connection: Cursor,
    order: ExceptionOrder,
    preview: Preview,
    reshaping: Reshaping,
    actor: ActorRef,
) -> Accepted:
    exception_id = uuid4()
    facts = {
        "id": exception_id,
        "clinic_id": order.clinic_id,
        "doctor_id": order.doctor_id,
        **_by_the_clock(order.what),
        "reason": order.reason.value,
        "actor": told(actor),
    }
    await connection.write(MAKE, facts)
    changed = [(who, span) for who, spans in reshaping.changed.items() for span in spans]
    kept = {
        "id": exception_id,
        "doctors": [who for who, _ in changed],
        "starts": [span.starts_at for _, span in changed],
        "ends": [span.ends_at for _, span in changed],
    }
    await connection.write(KEEP, kept)
    await write_shifts(connection, reshaping)
    campaign = NewCampaign(
        clinic_id=order.clinic_id,
        doctor_id=order.doctor_id,
        exception_id=exception_id,
        digest=preview.digest,
        policy=order.policy,
        affected=preview.affected,
    )
    campaign_id = await begin_campaign(connection, campaign, actor)
    return Accepted(exception_id=exception_id, campaign_id=campaign_id, reshaping=reshaping)


async def _seen(connection: Cursor, order: ExceptionOrder) -> tuple[Preview, Reshaping]:
    scope = await connection.one_or_none(SCOPE, {**vars(order), **_by_the_clock(order.what)})
    if scope is None:
        raise ClinicNotFound
    span = ahead(order.what.span(zone_named(scope["time_zone"])), scope["now"])
    spans = {each: [span] for each in scope["doctor_ids"]}
    if order.what.kind is ExceptionKind.REMOVE:
        reshaping = await taken_away(connection, spans, span, scope["now"])
    else:
        reshaping = await given(connection, spans, span)
    return _preview(order, scope, reshaping), reshaping


def _by_the_clock(what: PlanException) -> dict[str, object]:
    return {"kind": what.kind.value, "wall_from": what.start, "wall_until": what.until}


def ahead(span: Interval, now: datetime) -> Interval:
    """What of it has not passed, by the minute; raises `Over`."""
    if span.ends_at <= now:
        raise Over
    minute = now.replace(second=0, microsecond=0)
    return replace(span, starts_at=max(span.starts_at, minute))


def _preview(order: ExceptionOrder, scope: Row, reshaping: Reshaping) -> Preview:
    wish = [str(order.clinic_id), str(order.doctor_id), order.what.kind, order.reason, order.policy]
    wish += [order.what.start.isoformat(), order.what.until.isoformat(), str(scope["undone"])]
    hit = [
        f"{each.appointment_id} {each.version} {each.is_held} {each.without_contact}"
        for each in reshaping.affected
    ]
    digest = hashlib.sha256(json.dumps([wish, hit]).encode()).hexdigest()
    return Preview(digest=digest, affected=reshaping.affected)
