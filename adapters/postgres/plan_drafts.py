"""A doctor's plan that is not published: kept, read, dropped; published it is a draft no more."""

from uuid import UUID

from psycopg.sql import SQL

from adapters.postgres.direct import Cursor
from adapters.postgres.plan_rows import WrittenPlan, facts_of, written
from domain.errors import Changed
from domain.plan import Plan

ONE = SQL("""
SELECT version, effective_from, effective_until, weekly FROM plan_drafts
WHERE doctor_id = %(doctor_id)s
""")

# Nothing is written over a version that nobody has seen, nor in place of a draft that is gone.
KEEP = SQL("""
INSERT INTO plan_drafts (doctor_id, effective_from, effective_until, weekly)
SELECT d.id, %(effective_from)s, CAST(%(effective_until)s AS date), CAST(%(weekly)s AS jsonb)
FROM doctors d
WHERE d.id = %(doctor_id)s
  AND (%(version)s = 0 OR EXISTS (SELECT FROM plan_drafts WHERE doctor_id = d.id))
ON CONFLICT (doctor_id) DO UPDATE SET version = plan_drafts.version + 1,
    effective_from = excluded.effective_from, effective_until = excluded.effective_until,
    weekly = excluded.weekly, kept_at = clock_timestamp()
WHERE plan_drafts.version = %(version)s
RETURNING version, effective_from, effective_until, weekly
""")

DROP = SQL("DELETE FROM plan_drafts WHERE doctor_id = %(doctor_id)s")

PUBLISHED = SQL("""
DELETE FROM plan_drafts
WHERE doctor_id = %(doctor_id)s AND effective_from = %(effective_from)s
  AND effective_until IS NOT DISTINCT FROM CAST(%(effective_until)s AS date)
  AND weekly = CAST(%(weekly)s AS jsonb)
""")


async def draft_of(connection: Cursor, doctor_id: UUID) -> WrittenPlan | None:
    row = await connection.one_or_none(ONE, {"doctor_id": doctor_id})
    return None if row is None else written(row)


async def keep_draft(
    connection: Cursor, doctor_id: UUID, plan: Plan, *, version: int
) -> WrittenPlan:
    """In place of the one of this version, 0 for none; raises `Changed`."""
    facts = {**facts_of(plan), "doctor_id": doctor_id, "version": version}
    row = await connection.one_or_none(KEEP, facts)
    if row is None:
        raise Changed
    return written(row)


async def drop_draft(connection: Cursor, doctor_id: UUID) -> None:
    """Idempotent."""
    await connection.write(DROP, {"doctor_id": doctor_id})


async def end_draft(connection: Cursor, doctor_id: UUID, plan: Plan) -> None:
    """What is published is no draft any more; one that says something else stays."""
    await connection.write(PUBLISHED, {**facts_of(plan), "doctor_id": doctor_id})
