"""How soon a patient can be seen, as Prometheus gauges: every few minutes, from shifts and visits.

Each worker measures the same rows, so an expression takes the largest value of all workers.
"""

import asyncio
import time as clocks
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import time

import psycopg
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import text
from structlog import get_logger

from adapters.postgres.database import Connection, Database
from adapters.postgres.directory import list_specialties
from adapters.postgres.reads import read
from adapters.postgres.slot_search import Wish, find_slots
from adapters.postgres.tables.bookings import BEGINS_AT
from domain.search import TimesWished

EVERY_SECONDS = 300.0
AGAIN_SECONDS = 15.0
FADE_AFTER_SECONDS = 3 * EVERY_SECONDS
MOST_SPECIALTIES = 100
THIRD = 3
ANY_TIME = TimesWished(weekdays=frozenset(range(1, 8)), earliest=time.min, latest=time.max)

# Of shifts, only what of them lies ahead within the week; the table is read whole, off the road of
# any patient. Most of it lies ahead, unless a clinic keeps the shifts of many years.
UTILISATION = text(f"""
SELECT clock_timestamp() AS now,
    (SELECT sum(extract(epoch FROM upper(w.during * week.ahead) - lower(w.during * week.ahead)))
     FROM shifts w, (SELECT tstzrange(statement_timestamp(),
         statement_timestamp() + interval '7 days') AS ahead) week
     WHERE w.state = 'open' AND upper(w.during) > statement_timestamp()
         AND lower(w.during) < statement_timestamp() + interval '7 days') AS open,
    (SELECT sum(extract(epoch FROM ends_at - starts_at)) FROM schedules
     WHERE {BEGINS_AT} BETWEEN statement_timestamp()
         AND statement_timestamp() + interval '7 days') AS booked
""")  # noqa: S608 - our own words

log = get_logger("gauges")


@dataclass(frozen=True, kw_only=True)
class Access:
    """`third_free` is in seconds from now, by specialty; of those without three free slots nothing.

    `utilisation`: how much of the open time of seven days is booked; null where none is open.
    """

    third_free: Mapping[str, float]
    utilisation: float | None


class AccessGauges(Collector):
    """The last measurement, until it is too old to be true."""

    def __init__(self, *, clock: Callable[[], float] = clocks.monotonic) -> None:
        self._clock = clock
        self._measured: tuple[Access, float] | None = None

    def show(self, measured: Access) -> None:
        self._measured = measured, self._clock()

    def describe(self) -> Iterator[Metric]:
        yield from _families()

    def collect(self) -> Iterator[Metric]:
        if self._measured is None:
            return
        access, at = self._measured
        if self._clock() - at > FADE_AFTER_SECONDS:
            return
        third_free, utilisation = _families()
        for specialty, seconds in access.third_free.items():
            third_free.add_metric([specialty], seconds)
        if access.utilisation is not None:
            utilisation.add_metric([], access.utilisation)
        yield from (third_free, utilisation)


async def keep_measuring(
    database: Database, gauges: AccessGauges, *, every: float = EVERY_SECONDS
) -> None:
    """Until it is cancelled; where the database gives no answer, the gauges fade."""
    while True:
        try:
            gauges.show(await read(database, measured))
        except psycopg.Error as error:
            log.warning("access_not_measured", error=type(error).__name__)
            await asyncio.sleep(min(every, AGAIN_SECONDS))
        else:
            await asyncio.sleep(every)


async def measured(connection: Connection) -> Access:
    now, opened, booked = (await connection.execute(UTILISATION)).one()
    third_free = {}
    for each in await list_specialties(connection, limit=MOST_SPECIALTIES):
        wish = Wish(times=ANY_TIME, specialty=each.name)
        slots = (await find_slots(connection, wish, limit=THIRD)).slots
        if len(slots) == THIRD:
            third_free[each.name] = (slots[-1].starts_at - now).total_seconds()
    return Access(
        third_free=third_free,
        utilisation=float(booked or 0) / float(opened) if opened else None,
    )


def _families() -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
    return (
        GaugeMetricFamily(
            "priyom_third_next_free_seconds",
            "From now to the third next free slot, with any doctor of the specialty.",
            labels=["specialty"],
        ),
        GaugeMetricFamily(
            "priyom_utilisation_ratio", "How much of the open time of the next 7 days is booked."
        ),
    )
