"""What the audits of this process found, as Prometheus gauges that fade when no new audit comes.

Any worker may run the next audit. The worker of an earlier one must not go on showing what it found
then. So its figures fade, and an alarm takes the largest value of all workers.
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from enum import StrEnum

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class Gauge(StrEnum):
    """What is counted; each is a gauge of that name with `priyom_audit_` before it."""

    OVERLAPS = "overlaps"
    TRAIL_BREAKS = "trail_breaks"
    LOST_VISITS = "lost_visits"
    LAPSED_HOLDS = "lapsed_holds"
    ORPHANED_HOLDS = "orphaned_holds"
    UNANNOUNCED_EVENTS = "unannounced_events"
    EVENTS_UNDER_WAY = "events_under_way"


MEANING = {
    Gauge.OVERLAPS: "Pairs of live appointments of one doctor or patient at one time: an alarm.",
    Gauge.TRAIL_BREAKS: "Lines of the trail of who did what that are not as written: an alarm.",
    Gauge.LOST_VISITS: "Visits ahead that their runs confirmed and that have no row: an alarm.",
    Gauge.LAPSED_HOLDS: "Holds that the last audit found held past their deadline, and expired.",
    Gauge.ORPHANED_HOLDS: "Holds that the last audit found without a run, and released.",
    Gauge.UNANNOUNCED_EVENTS: "Events that the last audit found without a run to publish them.",
    Gauge.EVENTS_UNDER_WAY: "Events that their runs are still about to publish.",
}


AGE = "priyom_audit_age_seconds"
MEANING_OF_AGE = "Since the last audit of this process began; take the smallest of all workers."


class AuditGauges(Collector):
    """The figures of the last audit in this process, until it is older than `fade_after`."""

    def __init__(
        self, *, fade_after: timedelta, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fade_after = fade_after.total_seconds()
        self._clock = clock
        self._found: dict[Gauge, tuple[int, float]] = {}

    def show(self, gauge: Gauge, count: int) -> None:
        self._found[gauge] = count, self._clock()

    def describe(self) -> Iterator[Metric]:
        """Each of them, without a value."""
        for gauge in Gauge:
            yield GaugeMetricFamily(f"priyom_audit_{gauge}", MEANING[gauge])
        yield GaugeMetricFamily(AGE, MEANING_OF_AGE)

    def collect(self) -> Iterator[Metric]:
        """The age does not fade: that the last audit here is long ago is what it is for."""
        now = self._clock()
        if Gauge.OVERLAPS in self._found:
            looked_at = self._found[Gauge.OVERLAPS][1]
            yield GaugeMetricFamily(AGE, MEANING_OF_AGE, value=now - looked_at)
        for gauge, (count, at) in self._found.items():
            if now - at <= self._fade_after:
                yield GaugeMetricFamily(f"priyom_audit_{gauge}", MEANING[gauge], value=count)
