"""Which appointments have no row: what a restore of the database took away."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from adapters.postgres.database import Database

WITHOUT_A_ROW = text("""
SELECT asked.id FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS asked (id, nth)
WHERE NOT EXISTS (SELECT FROM schedules s WHERE s.id = asked.id)
ORDER BY asked.nth
""")


BEGAN = text("SELECT pg_postmaster_start_time()")


async def server_began_at(database: Database) -> datetime:
    """No database is restored, and no replica promoted, under a server that goes on running."""
    async with database.connect() as connection:
        began: datetime = (await connection.execute(BEGAN)).scalar_one()
        return began


async def without_a_row(database: Database, ids: Sequence[UUID]) -> list[UUID]:
    """Those of these that have none, in their order."""
    async with database.connect() as connection:
        found = await connection.execute(WITHOUT_A_ROW, {"ids": list(ids)})
        return list(found.scalars())
