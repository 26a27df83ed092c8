"""What operations look at first, each figure from the part that knows it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from adapters.postgres.database import Connection
from adapters.postgres.tables import LAPSES_AT
from domain.audit import AuditReport

HOURS = 24
PERIOD = timedelta(hours=HOURS)

LATE = """status = 'sending'
      AND coalesce(error, '') NOT IN ('quiet_hours', 'quiet_hours_unanswered')
      AND created_at > statement_timestamp() - CAST(:period AS interval)
      AND created_at < statement_timestamp() - interval '1 minute'"""
"""Which messages are undelivered: one that waits for the morning is not."""

# `schedules_changed_idx` finds what has changed in the period, `schedules_lapses_at_idx` the holds:
# `statement_timestamp()` stays the same throughout, so an index can be searched by it.
FIGURES = text(f"""
WITH ended AS MATERIALIZED (
    SELECT status, confirmed_at, created_at FROM schedules
    WHERE updated_at > statement_timestamp() - CAST(:period AS interval)
)
SELECT
    (SELECT count(*) FROM schedules WHERE {LAPSES_AT} > statement_timestamp()) AS held,
    (SELECT count(*) FROM schedules
      WHERE {LAPSES_AT} < statement_timestamp() - interval '5 seconds') AS overdue,
    count(*) FILTER (WHERE status = 'expired') AS lapsed,
    count(*) FILTER (WHERE status = 'confirmed') AS confirmed,
    count(*) FILTER (WHERE status = 'cancelled' AND confirmed_at IS NULL) AS given_up,
    count(*) FILTER (WHERE status = 'cancelled' AND confirmed_at IS NOT NULL) AS cancelled,
    count(*) FILTER (WHERE status = 'arrived') AS arrived,
    count(*) FILTER (WHERE status = 'completed') AS completed,
    count(*) FILTER (WHERE status = 'no_show') AS no_show,
    (SELECT count(*) FROM notifications WHERE {LATE}) AS undelivered,
    (SELECT count(*) FROM notifications WHERE status = 'failed'
      AND created_at > statement_timestamp() - CAST(:period AS interval)) AS failed,
    clock_timestamp() AS now
FROM ended
""")  # noqa: S608 - our own words


# What became of bookings, by the hour in which it did: it is all in the rows, nothing is sampled.
HOURLY = text("""
SELECT CAST(floor(extract(epoch FROM statement_timestamp() - updated_at) / 3600) AS int) AS ago,
    count(*) FILTER (WHERE status = 'confirmed') AS confirmed,
    count(*) FILTER (WHERE status = 'expired') AS lapsed,
    count(*) FILTER (WHERE status = 'cancelled' AND confirmed_at IS NOT NULL) AS cancelled,
    0 AS failed
FROM schedules WHERE updated_at > statement_timestamp() - CAST(:period AS interval)
GROUP BY 1
UNION ALL
SELECT CAST(floor(extract(epoch FROM statement_timestamp() - created_at) / 3600) AS int),
    0, 0, 0, count(*)
FROM notifications WHERE status = 'failed'
  AND created_at > statement_timestamp() - CAST(:period AS interval)
GROUP BY 1
""")


@dataclass(frozen=True, kw_only=True)
class Hours:
    """Counts of each of the last 24 hours, the oldest first."""

    confirmed: list[int]
    lapsed: list[int]
    cancelled: list[int]
    failed: list[int]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Counts of the last `PERIOD`, except `held` and `overdue`, which are of now.

    `overdue`: holds that are over for more than five seconds and still say held.
    """

    held: int
    overdue: int
    lapsed: int
    confirmed: int
    given_up: int
    cancelled: int
    arrived: int
    completed: int
    no_show: int
    undelivered: int
    failed: int
    now: datetime
    hours: Hours

    @property
    def confirmation_rate(self) -> int | None:
        """Of the bookings that came to an end of their hold, how many were confirmed, percent."""
        agreed = self.confirmed + self.cancelled
        ended = agreed + self.lapsed + self.given_up
        return round(100 * agreed / ended) if ended else None


@dataclass(frozen=True, kw_only=True)
class LastAudit:
    """The newest audit that has ended; `report` is null where it ended with an alarm."""

    workflow_id: str
    ended_at: datetime | None
    report: AuditReport | None


async def figures(connection: Connection) -> Figures:
    row = (await connection.execute(FIGURES, {"period": PERIOD})).mappings().one()
    return Figures(**row, hours=await _hours(connection))


async def _hours(connection: Connection) -> Hours:
    counted = {name: [0] * HOURS for name in ("confirmed", "lapsed", "cancelled", "failed")}
    for row in (await connection.execute(HOURLY, {"period": PERIOD})).mappings():
        for name, counts in counted.items():
            counts[HOURS - 1 - min(max(row["ago"], 0), HOURS - 1)] += row[name]
    return Hours(**counted)
