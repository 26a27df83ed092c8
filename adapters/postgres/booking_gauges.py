"""What becomes of bookings, as Prometheus gauges: counted from the rows every half minute.

Each worker counts the same rows, so an expression takes the largest value of all workers.
"""

import asyncio
import time
from collections.abc import Callable, Iterator

import psycopg
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import text
from structlog import get_logger

from adapters.postgres.database import Connection, Database
from adapters.postgres.operations import Figures, figures
from adapters.postgres.reads import read

EVERY_SECONDS = 30.0
FADE_AFTER_SECONDS = 3 * EVERY_SECONDS
QUANTILES = (0.5, 0.9)
MARKS = ("arrived", "completed", "no_show")
ENDS = ("confirmed", "lapsed", "given_up", "cancelled")

TO_CONFIRM = text("""
SELECT percentile_cont(CAST(:quantiles AS float8[]))
    WITHIN GROUP (ORDER BY extract(epoch FROM confirmed_at - created_at))
FROM schedules
WHERE updated_at > statement_timestamp() - interval '1 hour'
  AND confirmed_at > statement_timestamp() - interval '1 hour'
""")

log = get_logger("gauges")


class BookingGauges(Collector):
    """The last count, until it is too old to be true."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counted: tuple[Figures, list[float], float] | None = None

    def show(self, counted: Figures, to_confirm: list[float]) -> None:
        self._counted = counted, to_confirm, self._clock()

    def describe(self) -> Iterator[Metric]:
        yield from _families()

    def collect(self) -> Iterator[Metric]:
        if self._counted is None:
            return
        counted, to_confirm, at = self._counted
        if self._clock() - at > FADE_AFTER_SECONDS:
            return
        holds, overdue, ended, attended, undelivered, failed, seconds = _families()
        holds.add_metric([], counted.held)
        overdue.add_metric([], counted.overdue)
        for end in ENDS:
            ended.add_metric([end], getattr(counted, end))
        for mark in MARKS:
            attended.add_metric([mark], getattr(counted, mark))
        undelivered.add_metric([], counted.undelivered)
        failed.add_metric([], counted.failed)
        for quantile, value in zip(QUANTILES, to_confirm, strict=False):
            seconds.add_metric([str(quantile)], value)
        yield from (holds, overdue, ended, attended, undelivered, failed, seconds)


async def keep_counting(
    database: Database, gauges: BookingGauges, *, every: float = EVERY_SECONDS
) -> None:
    """Until it is cancelled; where the database gives no answer, the gauges fade."""
    while True:
        try:
            gauges.show(*await read(database, _count))
        except psycopg.Error as error:
            log.warning("bookings_not_counted", error=type(error).__name__)
        await asyncio.sleep(every)


async def _count(connection: Connection) -> tuple[Figures, list[float]]:
    counted = await figures(connection)
    found = await connection.execute(TO_CONFIRM, {"quantiles": list(QUANTILES)})
    return counted, found.scalar_one() or []


def _families() -> tuple[GaugeMetricFamily, ...]:
    return (
        GaugeMetricFamily("priyom_holds", "Holds that last now."),
        GaugeMetricFamily(
            "priyom_holds_overdue", "Holds over for more than five seconds that still say held."
        ),
        GaugeMetricFamily(
            "priyom_bookings_ended", "Bookings of the last 24 hours, by their end.", labels=["end"]
        ),
        GaugeMetricFamily(
            "priyom_appointments_marked",
            "Appointments marked in the last 24 hours, by the mark that stands.",
            labels=["mark"],
        ),
        GaugeMetricFamily(
            "priyom_messages_undelivered",
            "Messages of 24 hours, under way for over a minute, in no quiet hours.",
        ),
        GaugeMetricFamily("priyom_messages_failed", "Messages of 24 hours that failed for good."),
        GaugeMetricFamily(
            "priyom_hold_to_confirm_seconds",
            "From hold to confirmation, of the last hour.",
            labels=["quantile"],
        ),
    )
