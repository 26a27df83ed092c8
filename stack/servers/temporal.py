"""Temporal's development server with its UI, on a SQLite file."""

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stack.home import CHECKOUT, private_folder
from stack.ports import LOOPBACK, Ports
from stack.probes import temporal_answers
from stack.processors import usable_processors
from stack.program import Program
from stack.supplies.temporal_cli import temporal_cli

SEARCH_ATTRIBUTES = {
    "DoctorId": "Keyword",
    "PatientId": "Keyword",
    "ClinicId": "Keyword",
    "AppointmentStatus": "Keyword",
    "Actor": "Keyword",
    "AppointmentStart": "Datetime",
}
# FULL syncs the write-ahead log at every commit, NORMAL at every checkpoint. Both survive a killed
# process. Only FULL keeps the last commits after a power cut. NORMAL is enough here: the visits are
# in PostgreSQL, which syncs every commit (decision 0008).
SQLITE_SYNCHRONOUS = "NORMAL"
# A checkpoint copies the log into the file and syncs the disk: every 64 MiB instead of 4.
# The cache keeps the pages in use in memory.
SQLITE_MEMORY = {"wal_autocheckpoint": "16384", "cache_size": "-32768", "temp_store": "memory"}
# One partition per task queue: more would only spread the load over several machines.
# By default a shard polls its queues 20 times a second, so a new run waits up to 50 ms for its
# first workflow task. Here is one shard, and a patient waits for that task.
DYNAMIC_CONFIG = {
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    "history.transferProcessorMaxPollRPS": "1000",
    "history.timerProcessorMaxPollRPS": "1000",
    # Updating the lists of runs (visibility) is more than a third of the server's work on a hold.
    # They share a file with the runs, so 40 updates a second leave room for the patients.
    "history.visibilityProcessorSchedulerWorkerCount": "1",
    "history.visibilityProcessorMaxPollRPS": "20",
    "history.visibilityTaskBatchSize": "2",
    # The development server reads the list of search attributes from its file at every use;
    # ours are given at its start.
    "system.forceSearchAttributesCacheRefreshOnRead": "false",
    # The default caches are for a cluster; these hold all open bookings.
    "history.hostLevelCacheMaxSize": "4000",
    "history.eventsHostLevelCacheMaxSizeBytes": str(32 * 1024 * 1024),
}
TIME_SKIPPING = {"frontend.WorkflowTimeSkippingEnabled": "true"}
IN_MEMORY = {
    "history.transferProcessorEnsureCloseBeforeDelete": "false",
    "history.visibilityProcessorEnsureCloseBeforeDelete": "false",
}
"""A run is deleted when that is asked for, and not half a minute later, when its queues have told
how far they are: the server is thrown away with all its runs.
"""


@dataclass(frozen=True, kw_only=True)
class TemporalPorts:
    grpc: int
    ui: int
    http: int
    metrics: int

    @classmethod
    def take(cls, ports: Ports, grpc: int | None = None, ui: int | None = None) -> "TemporalPorts":
        return cls(
            grpc=ports.take(grpc), ui=ports.take(ui), http=ports.take(), metrics=ports.take()
        )


def go_runtime() -> dict[str, str]:
    """Half of the processors: idle threads on all of them wake each other, and the bookings need
    some too. Fewer garbage collections while memory is not short.
    """
    half = str(max(1, usable_processors() // 2))
    return {
        "GOMAXPROCS": os.environ.get("GOMAXPROCS") or half,
        "GOGC": "400",
        "GOMEMLIMIT": "600MiB",
    }


def address(port: int) -> str:
    return f"{LOOPBACK}:{port}"


def program(
    database: Path | None,
    ports: TemporalPorts,
    namespace: str = "default",
    *,
    time_skipping: bool = False,
    codec: str | None = None,
) -> Program:
    """The server on that file, or in memory. Time skipping is for tests; `codec` is the address
    where its UI has payloads decoded.
    """
    config = DYNAMIC_CONFIG | (TIME_SKIPPING if time_skipping else {})
    if database is None:
        config |= IN_MEMORY
    return Program(
        name="temporal",
        argv=[
            *(str(temporal_cli()), "server", "start-dev", "--ip", LOOPBACK, "--log-level", "warn"),
            *("--port", str(ports.grpc), "--ui-port", str(ports.ui)),
            *("--http-port", str(ports.http), "--metrics-port", str(ports.metrics)),
            *("--namespace", namespace, "--ui-disable-news-fetch"),
            *_pairs("--search-attribute", SEARCH_ATTRIBUTES),
            *_pairs("--dynamic-config-value", config),
            *(_file(database) if database else ()),
            *(("--ui-codec-endpoint", codec) if codec else ()),
        ],
        env=go_runtime(),
        ready=partial(
            temporal_answers,
            f"http://{LOOPBACK}:{ports.http}",
            namespace,
            set(SEARCH_ATTRIBUTES),
        ),
        port=ports.grpc,
        folder=database.parent if database else CHECKOUT,
    )


def _file(database: Path) -> list[str]:
    private_folder(database.parent)
    pragmas = {"journal_mode": "wal", "synchronous": SQLITE_SYNCHRONOUS} | SQLITE_MEMORY
    return ["--db-filename", database.name, *_pairs("--sqlite-pragma", pragmas)]


def _pairs(option: str, values: dict[str, str]) -> list[str]:
    return [part for name, value in values.items() for part in (option, f"{name}={value}")]
