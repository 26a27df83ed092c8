"""Whom a clinic's reception has to call: of all of its campaigns, while the visit is ahead."""

from datetime import datetime
from uuid import UUID

from psycopg.sql import SQL

from adapters.postgres.campaign_rows import JOINED, PART, TO_CALL, CampaignVisit, campaign_visit
from adapters.postgres.direct import Cursor

# Of a visit that two campaigns know, the later one tells how it stands. Whom a campaign that was
# stopped has not asked is told by nobody else; an exception that was withdrawn leaves nobody.
# Asked for doctor by doctor: most visits of the campaigns of all the years are behind.
TO_BE_CALLED = SQL(f"""
SELECT * FROM (
    SELECT DISTINCT ON (told.appointment_id) told.*
    FROM doctors d CROSS JOIN LATERAL (
        SELECT v.appointment_id, s.patient_id, v.doctor_id, v.starts_at, v.offer_id,
            v.answer_until, o.starts_at AS offered_at, s.starts_at AS is_at, c.created_at,
            c.state AS pace, {PART} AS part
        FROM {JOINED} JOIN campaigns c ON c.id = v.campaign_id
            LEFT JOIN exceptions e ON e.id = c.exception_id
        WHERE v.doctor_id = d.id AND v.starts_at > (SELECT clock_timestamp())
          AND e.withdrawn_at IS NULL
        ORDER BY v.starts_at LIMIT 1000
    ) told
    WHERE d.clinic_id = %(clinic_id)s
    ORDER BY told.appointment_id, told.created_at DESC
) visits
WHERE (part = ANY(%(parts)s) OR part = 'left' AND pace = 'stopped')
  AND (CAST(%(after)s AS timestamptz) IS NULL
       OR (starts_at, appointment_id) > (%(after)s, CAST(%(after_id)s AS uuid)))
ORDER BY starts_at, appointment_id LIMIT %(limit)s
""")  # noqa: S608 - our own words


async def to_be_called(
    connection: Cursor, clinic_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[CampaignVisit]:
    """The soonest first."""
    instant, appointment_id = after or (None, None)
    asked = {
        "clinic_id": clinic_id,
        "parts": [each.value for each in TO_CALL],
        "after": instant,
        "after_id": appointment_id,
        "limit": limit,
    }
    return [campaign_visit(row) for row in await connection.all(TO_BE_CALLED, asked)]
