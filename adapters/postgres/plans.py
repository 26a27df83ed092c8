"""Doctors' weekly plans: superseded, never edited."""

import hashlib
import json
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from psycopg.sql import SQL

from adapters.postgres.acting import ACTING, told
from adapters.postgres.campaign_rows import NewCampaign, begin_campaign, campaign_of_digest
from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor
from adapters.postgres.plan_drafts import end_draft
from adapters.postgres.plan_rows import Affected, WrittenPlan, facts_of, written
from adapters.postgres.publishing import DESK, PLANS, Change, change_from, publish
from adapters.postgres.rows import Row
from adapters.postgres.transactions import serializable
from domain.actors import ActorRef
from domain.errors import Changed, DoctorNotFound
from domain.plan import Plan
from domain.plan_exceptions import Policy

BY_ID = SQL("""
SELECT version, effective_from, effective_until, weekly FROM plans WHERE id = %(plan_id)s
""")

WRITE = SQL(f"""
INSERT INTO plans (id, doctor_id, clinic_id, version, effective_from, effective_until, weekly)
SELECT %(id)s, %(doctor_id)s, %(clinic_id)s, %(version)s, %(effective_from)s,
    CAST(%(effective_until)s AS date), CAST(%(weekly)s AS jsonb)
WHERE {ACTING}
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

    The same digest again is answered with what it wrote. Raises `Changed` for a version or a digest
    that is no longer true.
    """

    async def work(connection: Cursor) -> WrittenPlan | Preview:
        if order.digest is not None:
            before = await campaign_of_digest(connection, order.digest)
            if before is not None and before.plan_id is not None:
                row = await connection.one(BY_ID, {"plan_id": before.plan_id})
                return replace(written(row), campaign_id=before.campaign_id)
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
        await publish(connection, order.doctor_id, change)
        await end_draft(connection, order.doctor_id, order.plan)
        made = WrittenPlan(plan=order.plan, version=version, changed=change.days)
        if order.digest is None:
            return made
        campaign = NewCampaign(
            clinic_id=desk["clinic_id"],
            doctor_id=order.doctor_id,
            plan_id=who["id"],
            digest=preview.digest,
            policy=Policy.CALL_LIST,
            affected=change.affected,
        )
        return replace(made, campaign_id=await begin_campaign(connection, campaign, actor))

    return await serializable(database, work)


async def _planned(connection: Cursor, order: PlanOrder) -> tuple[Row, Change]:
    desk = await _desk(connection, order.doctor_id)
    known = [written(row) for row in await connection.all(PLANS, vars(order))]
    if order.version != (known[-1].version if known else 0):
        raise Changed
    plans = [each.plan for each in known] + [order.plan]
    since = order.plan.effective_from
    change = await change_from(connection, order.doctor_id, desk, plans, since, order.horizon_days)
    return desk, change


async def _desk(connection: Cursor, doctor_id: UUID) -> Row:
    desk = await connection.one_or_none(DESK, {"doctor_id": doctor_id})
    if desk is None:
        raise DoctorNotFound
    return desk


def _preview(order: PlanOrder, change: Change) -> Preview:
    seen = [str(order.doctor_id), order.version, str(facts_of(order.plan))]
    seen += [f"{each.appointment_id} {each.version} {each.is_held}" for each in change.affected]
    digest = hashlib.sha256(json.dumps(seen).encode()).hexdigest()
    return Preview(digest=digest, affected=change.affected)
