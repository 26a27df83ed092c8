"""Apache Kafka as one KRaft node: broker and controller in one small Java process."""

import os
import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from functools import partial
from pathlib import Path

from stack.errors import StepFailedError
from stack.home import private_folder
from stack.ports import LOOPBACK
from stack.probes import kafka_answers
from stack.program import Program
from stack.supplies.java import java
from stack.supplies.kafka_jars import jars

# One node on a developer's machine: small heap, cheapest collector, first compiler tier only.
JAVA_OPTIONS = (
    *("-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"),
    "-XX:+ExitOnOutOfMemoryError",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ssX",
)

IN_UTF_8 = {"LC_ALL": "C.UTF-8"}
"""Under cron, systemd and in containers there is no locale, and Java then finds no file whose name
has a letter beyond ASCII."""


def address(port: int) -> str:
    return f"{LOOPBACK}:{port}"


def initialise(folder: Path, port: int, controller_port: int) -> Path:
    """Write the node's properties for these ports, and format its data once.

    It runs in that folder and knows its data by name: in a list of paths a comma would end one.
    """
    private_folder(folder)
    file = folder / "server.properties"
    data = folder / "data"
    if not data.exists():
        new = folder / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        file.write_text(properties(new.name, port, controller_port))
        format_storage(file, "--standalone")
        new.rename(data)
    file.write_text(properties(data.name, port, controller_port))
    return file


def program(config: Path, port: int) -> Program:
    return Program(
        name="kafka",
        argv=[*_java(), "kafka.Kafka", config.name],
        ready=partial(kafka_answers, address(port)),
        port=port,
        env=IN_UTF_8,
        folder=config.parent,
        grace=20,
    )


def _java() -> list[str]:
    return [str(java()), *JAVA_OPTIONS, "-cp", f"{jars()}/*"]


def new_cluster() -> str:
    """A name that the nodes of one cluster share."""
    return urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def format_storage(config: Path, *options: str, cluster: str = "") -> None:
    """Format the node's data, for a new cluster or that one. StepFailedError if it fails."""
    tool = ("kafka.tools.StorageTool", "format", *options)
    named = (f"--cluster-id={cluster or new_cluster()}", f"--config={config.name}")
    argv = [*_java(), *tool, *named]
    env = {**os.environ, **IN_UTF_8}
    done = subprocess.run(
        argv, cwd=config.parent, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise StepFailedError(
            f"Kafka's storage could not be formatted:\n{done.stdout}{done.stderr}"
        )


def properties(data: str, port: int, controller_port: int) -> str:
    """A killed broker cannot register again until its session ends, so the session is short."""
    plain, controller = address(port), address(controller_port)
    return f"""\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers={controller}
listeners=PLAINTEXT://{plain},CONTROLLER://{controller}
advertised.listeners=PLAINTEXT://{plain}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
broker.session.timeout.ms=5000
broker.heartbeat.interval.ms=1000
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
num.network.threads=1
num.io.threads=2
background.threads=2
log.cleaner.dedupe.buffer.size=16777216
"""
