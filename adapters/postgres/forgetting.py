"""Forgetting messages: their records are deleted when they are old and of no use any more."""

from datetime import timedelta

from sqlalchemy import text

from adapters.postgres.database import Database

AT_ONCE = 500
"""Rows a statement: each is a transaction of its own, and a delivery waits for none of them."""

# A visit that is to come keeps the record: without it an event that came again would be told again.
# What is still being sent, or was not looked at by the audit yet, is not old. An index is searched
# by `statement_timestamp()`; by `clock_timestamp()`, which moves, every message would be looked at.
# The ids are asked for as one value, or a join might read the whole table.
FORGET = text("""
DELETE FROM notifications WHERE id = ANY(ARRAY(
    SELECT n.id FROM notifications n
    JOIN schedules s ON s.id = n.appointment_id
    WHERE n.created_at < statement_timestamp() - CAST(:older_than AS interval)
      AND s.ends_at < clock_timestamp() AND n.status <> 'sending'
      AND NOT EXISTS (
        SELECT FROM events_in_doubt d
        WHERE d.appointment_id = n.appointment_id AND d.settled_at IS NULL
      )
    ORDER BY n.created_at
    LIMIT :at_once
    FOR UPDATE OF n SKIP LOCKED
))
""")


FORGET_REPLIES = text("""
DELETE FROM replies WHERE received_at < statement_timestamp() - CAST(:older_than AS interval)
""")


async def forget_messages(database: Database, *, older_than: timedelta) -> int:
    """How many were deleted now; 0 when there are no more. Answers to them go, too."""
    asked = {"older_than": older_than, "at_once": AT_ONCE}
    async with database.connect() as connection:
        await connection.execute(FORGET_REPLIES, asked)
        return (await connection.execute(FORGET, asked)).rowcount
