"""Versions of appointments that have no line in the trail: a line that went before it was sealed.

The versions of a row follow each other without a gap, and the transaction that makes one writes its
line. So a row tells by itself which lines there must be, whoever took one away, and however.
"""

from sqlalchemy import text

from adapters.postgres.database import Connection
from domain.audit import Seal

ROWS_LOOKED_AT = 10_000
"""The newest of those that have changed since the audit before: what was sealed stays so."""

NAMED = 20

# An audit that knows no other goes back an hour. What changed before the first line that is left
# has lost its lines rightly, by their age.
UNTOLD = text("""
WITH beginning AS (
    SELECT at FROM audit ORDER BY id LIMIT 1
), changed AS MATERIALIZED (
    SELECT s.id, s.version, s.created_at >= b.at AS is_whole
    FROM beginning b JOIN schedules s ON s.updated_at >= greatest(b.at,
        coalesce((SELECT at FROM audit_seals WHERE place = :place),
                 statement_timestamp() - interval '1 hour') - interval '2 minutes')
    ORDER BY s.updated_at DESC LIMIT :batch
)
SELECT c.id FROM changed c CROSS JOIN LATERAL (
    SELECT min(a.version) AS first, max(a.version) AS last, count(DISTINCT a.version) AS told,
           bool_or(a.action IN ('hold', 'create')) AS begins
    FROM audit a WHERE a.object = CAST(c.id AS text) AND a.status IS NOT NULL
) lines
WHERE lines.last IS DISTINCT FROM c.version OR lines.told <> lines.last - lines.first + 1
   OR c.is_whole AND NOT lines.begins
LIMIT :named
""")


async def untold(connection: Connection, since: Seal | None) -> list[str]:
    """A sentence for each appointment, of those that have changed since that seal was made."""
    asked = {
        "place": since.place if since else None,
        "batch": ROWS_LOOKED_AT,
        "named": NAMED,
    }
    found = (await connection.execute(UNTOLD, asked)).scalars()
    return [f"a version of appointment {each} has no line" for each in found]
