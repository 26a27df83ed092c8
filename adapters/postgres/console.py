"""What the command of operations asks beside what pages ask: live holds, events in doubt."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from adapters.postgres.database import Connection
from adapters.postgres.tables import LAPSES_AT

LIVE_HOLDS = text(f"""
SELECT id, doctor_id, starts_at, held_until FROM schedules
WHERE {LAPSES_AT} > statement_timestamp() ORDER BY {LAPSES_AT} LIMIT :limit
""")  # noqa: S608 - our own words

IN_DOUBT = text("""
SELECT kind FROM events_in_doubt WHERE appointment_id = :id AND settled_at IS NULL
""")


@dataclass(frozen=True, kw_only=True)
class LiveHold:
    """A hold that lasts, by the database's clock."""

    id: UUID
    doctor_id: UUID
    starts_at: datetime
    held_until: datetime


async def live_holds(connection: Connection, *, limit: int) -> list[LiveHold]:
    """Those that lapse soonest."""
    rows = (await connection.execute(LIVE_HOLDS, {"limit": limit})).mappings()
    return [LiveHold(**row) for row in rows]


async def events_in_doubt(connection: Connection, appointment_id: UUID) -> list[str]:
    """The kinds of its events that the audit has not seen received."""
    return list((await connection.execute(IN_DOUBT, {"id": appointment_id})).scalars())
