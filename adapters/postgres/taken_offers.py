"""Which visit an offer was taken by."""

from uuid import UUID

from psycopg.sql import SQL

from adapters.postgres.direct import Cursor

WENT = SQL("""
SELECT o.visit_id FROM schedules o
WHERE o.id = %(id)s AND o.origin = 'offer' AND o.visit_id <> o.id AND EXISTS (
    SELECT FROM moves m WHERE m.appointment_id = o.visit_id AND m.moved_at >= o.created_at
      AND (m.doctor_id, m.starts_at) = (o.doctor_id, o.starts_at)
)
""")


async def visit_that_went(connection: Cursor, offer_id: UUID) -> UUID | None:
    """The visit that an offer is of, if it has moved to that very time since."""
    row = await connection.one_or_none(WENT, {"id": offer_id})
    return None if row is None else row["visit_id"]
