"""Whether PostgreSQL tells the clinics' times as we do: it has a tz database of its own."""

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import text

from adapters.postgres.database import Connection
from domain.zones import zone_named

# Once a week: a change that is undone within a week is not seen.
OFFSETS = text("""
SELECT zones.time_zone, at, (at AT TIME ZONE zones.time_zone) - (at AT TIME ZONE 'UTC') AS ahead
FROM (SELECT DISTINCT time_zone FROM clinics) zones
CROSS JOIN generate_series(
    statement_timestamp(), statement_timestamp() + interval '3 years', interval '7 days'
) AS at
""")


async def zones_told_otherwise(
    connection: Connection, *, ours: Callable[[str], tzinfo] = zone_named
) -> list[str]:
    """The clinics' zones whose offset from UTC is another by PostgreSQL, in the coming three years.

    Nothing is reckoned by PostgreSQL's: they show that one of the two is older than the other.
    """
    rows = await connection.execute(OFFSETS)
    return sorted(
        {row.time_zone for row in rows if row.ahead != _ahead(row.at, ours(row.time_zone))}
    )


def _ahead(instant: datetime, zone: tzinfo) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()
