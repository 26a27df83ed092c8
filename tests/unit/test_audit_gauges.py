"""Gauges of the audit: the figures of the last audit here, for a while."""

from datetime import timedelta

from prometheus_client import CollectorRegistry

from adapters.process.audit_gauges import MEANING, AuditGauges, Gauge

MINUTE = 60.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_figure_is_shown_until_an_audit_is_long_overdue() -> None:
    clock, registry = Clock(), CollectorRegistry()
    gauges = AuditGauges(fade_after=timedelta(minutes=3), clock=clock)
    registry.register(gauges)
    gauges.show(Gauge.OVERLAPS, 2)

    clock.now += 3 * MINUTE
    shown = registry.get_sample_value("priyom_audit_overlaps")
    clock.now += 1
    faded = registry.get_sample_value("priyom_audit_overlaps")

    assert (shown, faded) == (2, None)


def test_every_gauge_says_what_it_means() -> None:
    assert set(MEANING) == set(Gauge)
