"""What the command of operations asks beside what pages ask: holds, events in doubt, campaigns."""

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


# Some a week: they are read whole.
CAMPAIGNS = text("""
SELECT id, clinic_id, doctor_id, state, policy, created_at FROM campaigns
ORDER BY created_at DESC, id LIMIT :limit
""")


@dataclass(frozen=True, kw_only=True)
class CampaignBegun:
    """A campaign; `doctor_id` is null for one of a whole clinic."""

    id: UUID
    clinic_id: UUID
    doctor_id: UUID | None
    state: str
    policy: str
    created_at: datetime


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


async def campaigns_begun(connection: Connection, *, limit: int) -> list[CampaignBegun]:
    """The newest first."""
    rows = (await connection.execute(CAMPAIGNS, {"limit": limit})).mappings()
    return [CampaignBegun(**row) for row in rows]
