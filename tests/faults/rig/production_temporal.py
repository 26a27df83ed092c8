"""Temporal's production server on a PostgreSQL of its own, as `docker-compose.yml` has it.

One process plays all four parts of the server. The tables are laid out before its first start, and
the namespace is told to it when it answers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.service import ConnectConfig, ServiceClient

from stack.home import private_folder, write_private
from stack.ports import LOOPBACK, Ports
from stack.probes import http_answers, temporal_answers
from stack.program import Program
from stack.progress import run_quietly
from stack.servers.temporal import SEARCH_ATTRIBUTES
from stack.supplies.temporal_server import temporal_server, temporal_sql_tool
from tests.faults.rig.waiting import until_seen

SHARDS = 512
"""Of its history. The number is for ever the one that the tables were first used with."""

PLUGIN = "postgres12"
STORES = {"temporal": "temporal", "temporal_visibility": "visibility"}
"""Databases, and the names of their schemas."""

SERVICES = ("frontend", "history", "matching", "worker")
NAMESPACE = "default"
RETENTION = timedelta(days=3)
KINDS = {
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "Datetime": IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
}
CONNECTIONS = 20
"""To each of its two databases at most."""


@dataclass(frozen=True, kw_only=True)
class ProductionTemporal:
    """The server's program, and where it answers: gRPC, and HTTP for probes."""

    program: Program
    address: str
    http: str


def lay_out(database_url: str) -> None:
    """Create both databases with their tables. The role must be allowed to create databases."""
    at = urlsplit(database_url)
    tool: list[str | Path] = [
        *(temporal_sql_tool(), "--plugin", PLUGIN, "--endpoint", at.hostname or LOOPBACK),
        *("--port", str(at.port), "--user", at.username or ""),
    ]
    environment = {"SQL_PASSWORD": at.password or ""}
    for database, schema in STORES.items():
        on = [*tool, "--database", database]
        for command in (
            ["create"],
            ["setup-schema", "-v", "0.0"],
            ["update-schema", "--schema-name", f"postgresql/v12/{schema}"],
        ):
            run_quietly([*on, *command], Path.cwd(), environment)


def described(folder: Path, database_url: str, ports: Ports) -> ProductionTemporal:
    """The server on those databases; its configuration stands in that folder."""
    private_folder(folder)
    grpc, http = ports.take(), ports.take()
    address = f"{LOOPBACK}:{grpc}"
    write_private(folder / "dynamic.yaml", "{}\n")
    services = {name: {"rpc": _rpc(ports)} for name in SERVICES}
    services["frontend"]["rpc"] |= {"grpcPort": grpc, "httpPort": http}
    configuration = {
        "log": {"stdout": True, "level": "warn"},
        "persistence": {
            "defaultStore": "default",
            "visibilityStore": "visibility",
            "numHistoryShards": SHARDS,
            "datastores": {
                "default": _store(database_url, "temporal"),
                "visibility": _store(database_url, "temporal_visibility"),
            },
        },
        "global": {"membership": {"broadcastAddress": LOOPBACK}},
        "services": services,
        "clusterMetadata": {
            "failoverVersionIncrement": 10,
            "masterClusterName": "active",
            "currentClusterName": "active",
            "clusterInformation": {
                "active": {
                    "enabled": True,
                    "initialFailoverVersion": 1,
                    "rpcName": "frontend",
                    "rpcAddress": address,
                }
            },
        },
        "dcRedirectionPolicy": {"policy": "noop"},
        "dynamicConfigClient": {"filepath": "dynamic.yaml", "pollInterval": "60s"},
        "publicClient": {"hostPort": address},
    }
    write_private(folder / "temporal.yaml", json.dumps(configuration, indent=1))
    asked = f"http://{LOOPBACK}:{http}"
    program = Program(
        name="temporal",
        argv=[str(temporal_server()), "--config-file", "temporal.yaml", "--allow-no-auth", "start"],
        ready=partial(http_answers, f"{asked}/api/v1/system-info"),
        port=grpc,
        folder=folder,
    )
    return ProductionTemporal(program=program, address=address, http=asked)


async def make_namespace(server: ProductionTemporal) -> None:
    """With our search attributes. Returns when the server knows them, some seconds later."""
    client = await ServiceClient.connect(ConnectConfig(target_host=server.address))
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(
            namespace=NAMESPACE,
            workflow_execution_retention_period=Duration(seconds=int(RETENTION.total_seconds())),
        )
    )
    await until_seen(partial(http_answers, f"{server.http}/api/v1/namespaces/{NAMESPACE}"), "it")
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=NAMESPACE,
            search_attributes={name: KINDS[kind] for name, kind in SEARCH_ATTRIBUTES.items()},
        )
    )
    known = partial(temporal_answers, server.http, NAMESPACE, set(SEARCH_ATTRIBUTES))
    await until_seen(known, "the search attributes are known")


def _rpc(ports: Ports) -> dict[str, object]:
    """Where one part of the server listens, and where it is found by the others."""
    return {"grpcPort": ports.take(), "membershipPort": ports.take(), "bindOnIP": LOOPBACK}


def _store(database_url: str, database: str) -> Mapping[str, object]:
    at = urlsplit(database_url)
    return {
        "sql": {
            "pluginName": PLUGIN,
            "databaseName": database,
            "connectAddr": f"{at.hostname}:{at.port}",
            "connectProtocol": "tcp",
            "user": at.username,
            "password": at.password,
            "maxConns": CONNECTIONS,
            "maxIdleConns": CONNECTIONS,
            "maxConnLifetime": "1h",
        }
    }
