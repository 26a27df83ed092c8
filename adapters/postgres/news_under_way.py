"""News whose messages are still to be sent, as their runs were begun with them."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import text

from adapters.postgres.database import Connection
from adapters.postgres.receipts import NEWS, news_of
from domain.actors import Role
from domain.events import AppointmentEvent
from domain.news import News

# A run that is begun anew after a day would find that Temporal has forgotten one that has ended.
UNDER_WAY = text(f"""
SELECT DISTINCT ON (n.event_id) {NEWS}
FROM notifications n JOIN schedules s ON s.id = n.appointment_id
WHERE n.status = 'sending' AND n.audience = 'patient'
  AND n.created_at > statement_timestamp() - interval '1 day'
  AND n.created_at < statement_timestamp() - interval '10 minutes'
ORDER BY n.event_id
""")  # noqa: S608 - our own columns


async def news_under_way(connection: Connection) -> Sequence[News]:
    """For some minutes at least. Nobody waits for any of it at night."""
    rows = (await connection.execute(UNDER_WAY)).mappings()
    return [_at_leisure(news_of(row)) for row in rows]


def _at_leisure(news: News) -> News:
    """As the clock's doing: who acted is not in the record, and may sleep."""
    return replace(news, actor_role=Role.SYSTEM) if isinstance(news, AppointmentEvent) else news
