"""Everything that must be built or fetched before the servers can start."""

from collections.abc import Collection

from stack.progress import Steps
from stack.supplies.java import java
from stack.supplies.kafka_jars import fetch_jars
from stack.supplies.pgbouncer import make_pgbouncer
from stack.supplies.prometheus import make_prometheus
from stack.supplies.temporal_cli import make_temporal_cli


def prepare(names: Collection[str]) -> None:
    """What these programs need. Does and prints nothing if everything is there."""
    with Steps() as steps:
        if "kafka" in names:
            java()
            fetch_jars(steps)
        if "temporal" in names:
            make_temporal_cli(steps)
        if "prometheus" in names:
            make_prometheus(steps)
        if "pgbouncer" in names:
            make_pgbouncer(steps)
