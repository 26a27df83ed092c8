"""Metrics: one way to name them, and figures that are not shown when they are no longer true."""

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry

from adapters.postgres.access_gauges import FADE_AFTER_SECONDS as ACCESS_FADES
from adapters.postgres.access_gauges import Access, AccessGauges
from adapters.postgres.booking_gauges import FADE_AFTER_SECONDS, BookingGauges
from adapters.postgres.operations import Figures, Hours
from adapters.postgres.pool_metrics import PoolMetrics
from adapters.process.audit_gauges import AuditGauges, Gauge
from adapters.process.disk import watch_disk
from adapters.process.metrics import exposition
from adapters.temporal.sdk_metrics import SdkMetrics
from scripts.metrics_page import families, row

NAME = re.compile(r"priyom_[a-z]+(_[a-z]+)*")
OTHER_UNITS = ("_ms", "_milliseconds", "_minutes", "_kb", "_percent", "_count")
NONE = [0] * 24


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class OnePool:
    name = "priyom-test"

    def get_stats(self) -> dict[str, int]:
        return {
            "pool_size": 4,
            "pool_available": 1,
            "pool_max": 6,
            "requests_waiting": 2,
            "requests_wait_ms": 1500,
        }


def test_every_metric_of_ours_is_named_in_one_way_and_says_what_it_is() -> None:
    found = list(families())

    assert {"priyom_holds", "priyom_audit_overlaps", "priyom_http_requests"} <= {
        each.name for each in found
    }
    for each in found:
        assert NAME.fullmatch(each.name), each.name
        assert not each.name.endswith(OTHER_UNITS), each.name
        assert each.documentation, each.name
    assert row(found[0]).startswith("| `priyom_appointments_marked` | gauge |")


def test_a_pool_shows_how_full_it_is_and_who_waits() -> None:
    registry, pools, pool = CollectorRegistry(), PoolMetrics(), OnePool()
    registry.register(pools)
    pools.watch(pool)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, {"pool": pool.name, **labels})

    assert value("priyom_pool_connections", state="open") == 4
    assert value("priyom_pool_connections", state="free") == 1
    assert value("priyom_pool_connections", state="most") == 6
    assert value("priyom_pool_waiting") == 2
    assert value("priyom_pool_wait_seconds_total") == 1.5


def test_what_becomes_of_bookings_is_shown_until_the_count_is_old() -> None:
    clock, registry = Clock(), CollectorRegistry()
    gauges = BookingGauges(clock=clock)
    registry.register(gauges)
    uncounted = registry.get_sample_value("priyom_holds")
    gauges.show(some_figures(), [30.0, 90.0])

    shown = {
        "holds": registry.get_sample_value("priyom_holds"),
        "lapsed": registry.get_sample_value("priyom_bookings_ended", {"end": "lapsed"}),
        "missed": registry.get_sample_value("priyom_appointments_marked", {"mark": "no_show"}),
        "slow": registry.get_sample_value("priyom_hold_to_confirm_seconds", {"quantile": "0.9"}),
    }
    clock.now += FADE_AFTER_SECONDS + 1

    assert uncounted is None
    assert shown == {"holds": 3, "lapsed": 2, "missed": 6, "slow": 90}
    assert registry.get_sample_value("priyom_holds") is None


def test_the_age_of_the_last_audit_goes_on_growing_when_its_figures_have_faded() -> None:
    clock, registry = Clock(), CollectorRegistry()
    gauges = AuditGauges(fade_after=timedelta(minutes=3), clock=clock)
    registry.register(gauges)
    before = registry.get_sample_value("priyom_audit_age_seconds")
    gauges.show(Gauge.OVERLAPS, 0)

    clock.now += 600

    assert before is None
    assert registry.get_sample_value("priyom_audit_overlaps") is None
    assert registry.get_sample_value("priyom_audit_age_seconds") == 600


def test_how_soon_a_patient_can_be_seen_is_shown_until_the_measurement_is_old() -> None:
    clock, registry = Clock(), CollectorRegistry()
    gauges = AccessGauges(clock=clock)
    registry.register(gauges)

    def shown() -> list[float | None]:
        surgeon = {"specialty": "surgeon"}
        return [
            registry.get_sample_value("priyom_third_next_free_seconds", surgeon),
            registry.get_sample_value("priyom_utilisation_ratio"),
        ]

    before = shown()
    gauges.show(Access(third_free={"surgeon": 3600.0}, utilisation=0.75))
    measured = shown()
    gauges.show(Access(third_free={"surgeon": 60.0}, utilisation=None))
    nothing_open = shown()
    clock.now += ACCESS_FADES + 1

    assert before == [None, None]
    assert measured == [3600, 0.75]
    assert nothing_open == [60, None]
    assert shown() == [None, None]


def test_the_disk_of_a_home_that_is_not_there_yet_is_that_of_the_folder_above(
    tmp_path: Path,
) -> None:
    watch_disk(tmp_path / "not" / "yet")

    size = REGISTRY.get_sample_value("priyom_disk_size_bytes")
    free = REGISTRY.get_sample_value("priyom_disk_free_bytes")
    assert size == shutil.disk_usage(tmp_path).total
    assert free is not None
    assert 0 < free < size


async def test_without_the_sdks_metrics_ours_are_shown_all_the_same() -> None:
    sdk = SdkMetrics()

    assert sdk.runtime() is None
    assert await sdk.text() == b""
    assert b"priyom_pool_connections" in await exposition()


def some_figures() -> Figures:
    return Figures(
        held=3,
        overdue=0,
        lapsed=2,
        confirmed=7,
        given_up=1,
        cancelled=1,
        arrived=4,
        completed=5,
        no_show=6,
        undelivered=0,
        failed=0,
        now=datetime(2027, 1, 11, tzinfo=UTC),
        hours=Hours(confirmed=NONE, lapsed=NONE, cancelled=NONE, failed=NONE),
    )
