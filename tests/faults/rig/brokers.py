"""Three Kafka nodes: each event is on all of them, and taken when two have it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from stack.home import private_folder
from stack.ports import Ports
from stack.program import Program
from stack.servers import kafka

NODES = 3
COPIES, AT_LEAST = 3, 2


def brokers(folder: Path, ports: Ports) -> tuple[dict[str, Callable[[], Program]], str]:
    """The nodes by name, to be made in any order, and their bootstrap servers."""
    plain = [ports.take() for _ in range(NODES)]
    controllers = [ports.take() for _ in range(NODES)]
    cluster = kafka.new_cluster()
    made: dict[str, Callable[[], Program]] = {
        f"kafka-{number}": partial(
            _node, folder / f"kafka-{number}", number, plain, controllers, cluster=cluster
        )
        for number in range(1, NODES + 1)
    }
    return made, ",".join(map(kafka.address, plain))


def _node(
    folder: Path, number: int, plain: list[int], controllers: list[int], *, cluster: str
) -> Program:
    private_folder(folder)
    file = folder / "server.properties"
    own = kafka.properties("data", plain[number - 1], controllers[number - 1])
    file.write_text(own + _among_others(number, controllers))
    kafka.format_storage(file, cluster=cluster)
    program = kafka.program(file, plain[number - 1])
    return replace(program, name=f"kafka-{number}")


def _among_others(number: int, controllers: list[int]) -> str:
    """Of two lines with one name the later counts."""
    addresses = [kafka.address(port) for port in controllers]
    voters = ",".join(f"{voter}@{address}" for voter, address in enumerate(addresses, 1))
    return f"""
node.id={number}
controller.quorum.voters={voters}
controller.quorum.bootstrap.servers={",".join(addresses)}
default.replication.factor={COPIES}
min.insync.replicas={AT_LEAST}
offsets.topic.replication.factor={COPIES}
transaction.state.log.replication.factor={COPIES}
transaction.state.log.min.isr={AT_LEAST}
share.coordinator.state.topic.replication.factor={COPIES}
share.coordinator.state.topic.min.isr={AT_LEAST}
"""
