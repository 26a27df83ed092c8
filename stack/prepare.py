"""Everything that must be built or fetched before the servers can start."""

from stack.progress import Steps
from stack.supplies.java import java
from stack.supplies.kafka_jars import fetch_jars
from stack.supplies.temporal_cli import make_temporal_cli


def prepare(*, kafka: bool = True, temporal: bool = True) -> None:
    """Does and prints nothing if everything is there."""
    with Steps() as steps:
        if kafka:
            java()
            fetch_jars(steps)
        if temporal:
            make_temporal_cli(steps)
