"""The pools of this process, as Prometheus gauges: how full, and who waits."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol
from weakref import WeakSet

from prometheus_client import REGISTRY, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

SIZES = {"open": "pool_size", "free": "pool_available", "most": "pool_max"}


class Pool(Protocol):
    """What is asked of a pool here."""

    name: str

    def get_stats(self) -> dict[str, int]: ...


class PoolMetrics(Collector):
    """Of all pools that are alive; several of one name are added up."""

    def __init__(self) -> None:
        self._pools: WeakSet[Any] = WeakSet()

    def watch(self, pool: Pool) -> None:
        self._pools.add(pool)

    def describe(self) -> Iterator[Metric]:
        yield from self._families()

    def collect(self) -> Iterator[Metric]:
        connections, waiting, waited = self._families()
        found: dict[str, Counter[str]] = {}
        for pool in list(self._pools):
            found.setdefault(pool.name, Counter()).update(pool.get_stats())
        for name, stats in found.items():
            for state, key in SIZES.items():
                connections.add_metric([name, state], stats[key])
            waiting.add_metric([name], stats["requests_waiting"])
            waited.add_metric([name], stats["requests_wait_ms"] / 1000)
        yield from (connections, waiting, waited)

    @staticmethod
    def _families() -> tuple[GaugeMetricFamily, GaugeMetricFamily, CounterMetricFamily]:
        return (
            GaugeMetricFamily(
                "priyom_pool_connections",
                "Connections to PostgreSQL that are open or free, and the most there may be.",
                labels=["pool", "state"],
            ),
            GaugeMetricFamily(
                "priyom_pool_waiting", "Who waits for a connection now.", labels=["pool"]
            ),
            CounterMetricFamily(
                "priyom_pool_wait_seconds",
                "Time that was waited for a connection, by all together.",
                labels=["pool"],
            ),
        )


POOLS = PoolMetrics()
REGISTRY.register(POOLS)
