"""Mark who did not come, where the clinic's rule says after how long."""

from sqlalchemy import text

from adapters.postgres.acting import ACTING_BY_NAME, told
from adapters.postgres.audit import touched
from adapters.postgres.database import Database
from domain.actors import SYSTEM
from domain.audit import Touched

MARKED_AT_ONCE = 200

LOOK_BACK = "7 days"
"""A rule that is set today marks nobody of last month."""

# By doctor and day, of the clinics that have the rule alone. What somebody took back stays so.
MARK_ABSENT = text(f"""
WITH ruled AS MATERIALIZED (
    SELECT d.id AS doctor_id, CAST(c.rules ->> 'noShowAfter' AS interval) AS after
    FROM clinics c CROSS JOIN LATERAL (
        SELECT id FROM doctors WHERE clinic_id = c.id OFFSET 0
    ) d
    WHERE c.rules ->> 'noShowAfter' IS NOT NULL
), due AS (
    SELECT late.id FROM ruled r CROSS JOIN LATERAL (
        SELECT s.id, s.starts_at FROM schedules s
        WHERE s.doctor_id = r.doctor_id AND s.status = 'confirmed'
          AND s.starts_at <= statement_timestamp()
          AND s.starts_at > statement_timestamp() - interval '{LOOK_BACK}' - r.after
          AND s.starts_at + r.after <= statement_timestamp()
          AND (SELECT a.id FROM audit a WHERE a.object = CAST(s.id AS text)
                 AND a.action = 'undo-attendance' LIMIT 1) IS NULL
        LIMIT :batch
    ) late LIMIT :batch
)
UPDATE schedules SET status = 'no_show', version = version + 1
WHERE id = ANY(ARRAY(SELECT id FROM due)) AND status = 'confirmed'
  AND starts_at <= statement_timestamp() AND {ACTING_BY_NAME}
RETURNING id, doctor_id, starts_at, ends_at
""")  # noqa: S608 - our own words


async def mark_absent(database: Database) -> list[Touched]:
    """Those whose time is over, nobody's command; a second run finds them marked."""
    asked = {"batch": MARKED_AT_ONCE, "actor": told(SYSTEM)}
    async with database.connect() as connection:
        rows = (await connection.execute(MARK_ABSENT, asked)).mappings().all()
    return [touched(row) for row in rows]
