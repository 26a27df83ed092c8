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


async def promise(database: Database, appointment_id: UUID, version: int, by: ActorRef) -> None:
    """Idempotent; it does nothing to a visit that is of another version, or has begun."""
    asked = {"appointment_id": appointment_id, "version": version, "actor": told(by)}
    async with cursor(database) as connection:
        await connection.write(PROMISE, asked)
