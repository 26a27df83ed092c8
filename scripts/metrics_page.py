"""Our metrics as a page: `python -m scripts.metrics_page` prints docs/metrics.md."""

import importlib
import sys
from collections.abc import Iterator
from datetime import timedelta

from prometheus_client import REGISTRY, Metric

from adapters.postgres.access_gauges import AccessGauges
from adapters.postgres.booking_gauges import BookingGauges
from adapters.process.audit_gauges import AuditGauges

PROCESSES = ("api.app", "worker.__main__", "notifier.__main__")
PREFIX = "priyom_"
HEAD = """# Metrics

Every process answers `/metrics`: the API on its own port, to operations; `worker` and `notifier` on
their health port. This page is written by `make docs`.

## Names

One convention, Prometheus's own: `priyom_` or `temporal_`, base units with their suffix
(`_seconds`, `_bytes`), and `_total` for what only grows. The SDK is told to follow it. Dashboards
from elsewhere that ask for `temporal_request` or `…_latency_bucket` find nothing here: it is
`temporal_request_total` and `temporal_request_latency_seconds_bucket`.

Gauges of the audit and of bookings stand on every worker that has looked lately: take `max`, and
`absent` as a sign of its own.

## Ours

| metric | type | says |
|---|---|---|
"""
MIDDLE = """
## The Temporal SDK's

Each process has them behind its own. The ones to look at first:

| metric | says |
|---|---|
"""
OF_THE_SDK = {
    "temporal_request_latency_seconds": "how soon Temporal's server answers, by operation",
    "temporal_request_failure_total": "what it refused or did not answer",
    "temporal_workflow_task_schedule_to_start_latency_seconds": (
        "how long a task waits for a worker: the sign to add one"
    ),
    "temporal_activity_schedule_to_start_latency_seconds": (
        "the same for steps that are tried from the queue"
    ),
    "temporal_workflow_task_execution_failed_total": (
        "tasks that failed: a bug, or two builds that differ"
    ),
    "temporal_activity_execution_failed_total": "steps that are tried again",
    "temporal_local_activity_execution_failed_total": "the same where they are tried first",
    "temporal_worker_task_slots_available": "how much room a worker has",
    "temporal_sticky_cache_miss_total": "runs that had to be read again from their beginning",
    "temporal_num_pollers": "whether anybody polls at all",
}


def families() -> Iterator[Metric]:
    """Those of all processes, by name."""
    for process in PROCESSES:
        importlib.import_module(process)
    found = [
        *REGISTRY.collect(),
        *AuditGauges(fade_after=timedelta(1)).describe(),
        *BookingGauges().describe(),
        *AccessGauges().describe(),
    ]
    return iter(sorted((f for f in found if f.name.startswith(PREFIX)), key=lambda f: f.name))


def row(family: Metric) -> str:
    suffix = "_total" if family.type == "counter" else ""
    return f"| `{family.name}{suffix}` | {family.type} | {family.documentation} |"


if __name__ == "__main__":
    ours = "".join(f"{row(family)}\n" for family in families())
    theirs = "".join(f"| `{name}` | {says} |\n" for name, says in OF_THE_SDK.items())
    sys.stdout.write(HEAD + ours + MIDDLE + theirs)
