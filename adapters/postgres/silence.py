"""What the clinic does about an offer that its patient does not answer."""

from uuid import UUID

from psycopg.sql import SQL

from adapters.postgres.direct import Cursor
from domain.plan_exceptions import Policy

# Who has declined once is called, whatever the policy: nothing is done against a word given.
IF_SILENT = """
SELECT CASE WHEN a.round = 1 THEN k.policy ELSE 'call_list' END
FROM campaign_visits a JOIN campaigns k ON k.id = a.campaign_id WHERE a.offer_id = s.id
"""
"""Of the row `s` of an offer; null where no campaign has made it."""

OF_OFFER = SQL(f"SELECT ({IF_SILENT}) AS policy FROM schedules s WHERE s.id = %(id)s")  # noqa: S608


async def policy_of_silence(connection: Cursor, offer_id: UUID) -> Policy | None:
    """None where it is not known."""
    row = await connection.one_or_none(OF_OFFER, {"id": offer_id})
    return None if row is None or row["policy"] is None else Policy(row["policy"])
