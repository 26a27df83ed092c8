"""Visits of a clinic whose time is over and of which nobody has said what became of them."""

from uuid import UUID

from sqlalchemy import text

from adapters.postgres.database import Connection
from adapters.postgres.visits import DETAILS, PatientVisit, visit_of

LOOK_BACK = "7 days"
"""As far back as the rule marks who did not come: what is older nobody remembers."""

# By doctor and day, of each no more than are listed. The ids are asked for as one value: a join
# might read a whole table.
UNRESOLVED = text(f"""
{DETAILS} WHERE s.id = ANY(ARRAY(
    SELECT over.id FROM (SELECT id FROM doctors WHERE clinic_id = :clinic_id OFFSET 0) d
    CROSS JOIN LATERAL (
        SELECT v.id, v.starts_at FROM schedules v
        WHERE v.doctor_id = d.id AND v.status IN ('confirmed', 'arrived')
          AND v.starts_at > statement_timestamp() - interval '{LOOK_BACK}'
          AND v.starts_at < statement_timestamp() AND v.ends_at <= statement_timestamp()
        ORDER BY v.starts_at LIMIT :limit
    ) over ORDER BY over.starts_at, over.id LIMIT :limit
)) ORDER BY s.starts_at, s.id
""")  # noqa: S608 - our own words


async def unresolved_visits(
    connection: Connection, clinic_id: UUID, *, limit: int
) -> list[PatientVisit]:
    """The oldest first."""
    rows = await connection.execute(UNRESOLVED, {"clinic_id": clinic_id, "limit": limit})
    return [visit_of(row) for row in rows.mappings()]
