"""Temporal's development server, with its UI, on a SQLite file."""

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

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
    "AppointmentStart": "Datetime",
}
# With the write-ahead log, FULL waits for the disk at every commit, NORMAL at every checkpoint:
# both survive a killed process, only FULL survives a power cut without losing the last commits.
# The visits themselves are in PostgreSQL, whose commits do wait for the disk (decision 0008).
SQLITE_SYNCHRONOUS = "NORMAL"
# A checkpoint copies the log into the file and waits for the disk: every 64 MiB, not every 4.
# The pages in use stay in memory.
SQLITE_MEMORY = {"wal_autocheckpoint": "16384", "cache_size": "-32768", "temp_store": "memory"}
# One partition a task queue: more of them only spread load over machines that are not here.
# A shard's queues are read 20 times a second by default, so a new run waits up to 50 ms for its
# first workflow task; here there is one shard, and a patient behind that task.
DYNAMIC_CONFIG = {
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    "history.transferProcessorMaxPollRPS": "1000",
    "history.timerProcessorMaxPollRPS": "1000",
    # Lists of runs (visibility) are written after the runs: more than a third of the server's work
    # on a hold. Where all share one file, at most 40 a second leave the patients their turn.
    "history.visibilityProcessorSchedulerWorkerCount": "1",
    "history.visibilityProcessorMaxPollRPS": "20",
    "history.visibilityTaskBatchSize": "2",
    # The development server reads the list of search attributes from its file at every use;
    # ours are given at its start.
    "system.forceSearchAttributesCacheRefreshOnRead": "false",
    # The caches are made for a whole cluster's runs: bookings that are open fit into these.
    "history.hostLevelCacheMaxSize": "4000",
    "history.eventsHostLevelCacheMaxSizeBytes": str(32 * 1024 * 1024),
}
TIME_SKIPPING = {"frontend.WorkflowTimeSkippingEnabled": "true"}


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
    """Half of the processors: threads that look for work on all of them wake each other, and the
    worker is there too. Fewer garbage collections while memory is not short.
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
) -> Program:
    """The server on that file, or in memory; time skipping is for tests."""
    config = DYNAMIC_CONFIG | (TIME_SKIPPING if time_skipping else {})
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
        ],
        env=go_runtime(),
        ready=partial(
            temporal_answers,
            f"http://{LOOPBACK}:{ports.http}",
            namespace,
            set(SEARCH_ATTRIBUTES),
        ),
        port=ports.grpc,
    )


def _file(database: Path) -> list[str]:
    database.parent.mkdir(parents=True, exist_ok=True)
    pragmas = {"journal_mode": "wal", "synchronous": SQLITE_SYNCHRONOUS} | SQLITE_MEMORY
    return ["--db-filename", str(database), *_pairs("--sqlite-pragma", pragmas)]


def _pairs(option: str, values: dict[str, str]) -> list[str]:
    return [part for name, value in values.items() for part in (option, f"{name}={value}")]
