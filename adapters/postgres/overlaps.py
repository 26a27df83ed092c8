"""Live appointments that overlap, among what has changed since the last audit."""

from sqlalchemy import text

from adapters.postgres.audit import CHANGES_SWEPT, COME_SO_FAR, LATE_COMMIT
from adapters.postgres.database import Database
from domain.audit import Overlap, Overlaps

OVERLAPS_NAMED = 20

# What overlaps has been written by somebody, so it is among what has changed. While there is an
# overlap the sweep stays before it: the alarm goes on until somebody has mended it. OFFSET 0 makes
# the planner ask for each row by the index of the constraint, however many it expects.
OVERLAPPING = text(f"""
WITH sweep AS (
    SELECT {COME_SO_FAR} - interval '{LATE_COMMIT}' AS since,
           least(statement_timestamp(),
                 (SELECT c.updated_at FROM schedules c WHERE c.updated_at > {COME_SO_FAR}
                  ORDER BY c.updated_at OFFSET :batch LIMIT 1)) AS until
    FROM audit_progress p WHERE p.sweep = 'overlaps'
), changed AS (
    SELECT s.id, s.practitioner_id, s.patient_id, s.occupies, s.visit_id, s.overbook
    FROM sweep JOIN schedules s ON s.updated_at > sweep.since AND s.updated_at <= sweep.until
    WHERE s.status IN ('confirmed', 'arrived')
       OR s.status = 'held' AND s.held_until > statement_timestamp()
), pairs AS (
    SELECT c.id, o.* FROM changed c CROSS JOIN LATERAL (
        SELECT o.id AS other_id, o.status, o.held_until FROM schedules o
        WHERE o.practitioner_id = c.practitioner_id AND o.occupies && c.occupies
          AND o.visit_id <> c.visit_id AND NOT o.overbook AND NOT c.overbook
        OFFSET 0) o
    UNION ALL
    SELECT c.id, o.* FROM changed c CROSS JOIN LATERAL (
        SELECT o.id AS other_id, o.status, o.held_until FROM schedules o
        WHERE o.patient_id = c.patient_id AND o.occupies && c.occupies
          AND o.visit_id <> c.visit_id
        OFFSET 0) o
), overlapping AS (
    SELECT DISTINCT least(id, other_id) AS id, greatest(id, other_id) AS other_id FROM pairs
    WHERE status <> 'held' OR held_until > statement_timestamp()
), swept AS (
    UPDATE audit_progress p SET swept_until = greatest({COME_SO_FAR}, sweep.until)
    FROM sweep WHERE p.sweep = 'overlaps' AND NOT EXISTS (SELECT FROM overlapping)
)
SELECT id, other_id, count(*) OVER () AS count FROM overlapping ORDER BY id, other_id LIMIT :named
""")  # noqa: S608


async def find_overlaps(database: Database) -> Overlaps:
    """Live appointments that overlap though no constraint allows it."""
    asked = {"batch": CHANGES_SWEPT, "named": OVERLAPS_NAMED}
    async with database.connect() as connection:
        rows = (await connection.execute(OVERLAPPING, asked)).mappings().all()
    pairs = [Overlap(appointment_id=row["id"], other_id=row["other_id"]) for row in rows]
    return Overlaps(count=rows[0]["count"] if rows else 0, first=pairs)
