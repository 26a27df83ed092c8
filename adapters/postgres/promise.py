"""A patient's promise to come: kept on the row, whose version it leaves as it is."""

from uuid import UUID

from psycopg.sql import SQL

from adapters.postgres.acting import ACTING, told
from adapters.postgres.database import Database
from adapters.postgres.direct import cursor
from domain.actors import ActorRef

PROMISE = SQL(f"""
UPDATE schedules SET attendance = 'promised'
WHERE id = %(appointment_id)s AND status = 'confirmed' AND version = %(version)s
  AND starts_at > clock_timestamp() AND attendance IS DISTINCT FROM 'promised' AND {ACTING}
""")  # noqa: S608 - our own condition

PROMISED = SQL("""
SELECT FROM schedules WHERE id = %(appointment_id)s AND status = 'confirmed'
  AND version = %(version)s AND attendance = 'promised'
""")


async def promise(database: Database, appointment_id: UUID, version: int, by: ActorRef) -> bool:
    """Whether it stands now. It does nothing to a visit of another version, or that has begun."""
    asked = {"appointment_id": appointment_id, "version": version, "actor": told(by)}
    async with cursor(database) as connection:
        made = await connection.write(PROMISE, asked)
        return bool(made) or await connection.one_or_none(PROMISED, asked) is not None
