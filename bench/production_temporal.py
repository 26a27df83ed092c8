"""Temporal's production server on a PostgreSQL of its own, as `docker-compose.yml` has it.

Built by Go from the modules that the development server is built from; its further modules are of
the versions that the server itself asks for. One process plays all four parts of the server, with
Go's own settings: all processors, no limit of memory.
"""

import asyncio
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from stack.accounts import unprivileged_account
from stack.embedded import running, temporary_folder
from stack.ports import LOOPBACK, Ports
from stack.probes import http_answers
from stack.program import Program
from stack.progress import Steps, run_quietly
from stack.servers import postgres
from stack.servers.temporal import DYNAMIC_CONFIG, SEARCH_ATTRIBUTES
from stack.supplies.cache import cache_folder, once, replaced
from stack.supplies.temporal_cli import FOLDER, cached_temporal_cli, temporal_cli

SERVER = "go.temporal.io/server/cmd/server"
SQL_TOOL = "go.temporal.io/server/cmd/tools/sql"
PLUGIN = "postgres12"
STORES = {"temporal": "temporal", "temporal_visibility": "visibility"}
"""Databases, and the names of their schemas."""

SERVICES = ("frontend", "history", "matching", "worker")
AGAIN = 'for _ in $(seq 60); do "$@" && exit; sleep 1; done; exit 1'
"""The server knows a new namespace some seconds after it was told."""

ON_ANY_STORE = {"history.transferProcessorMaxPollRPS", "history.timerProcessorMaxPollRPS"}
"""Settings of ours that are no concession to one file: how often queues are read."""


@dataclass(frozen=True, kw_only=True)
class ProductionTemporal:
    """One that runs: where it answers, and its processes by name, its PostgreSQL among them."""

    address: str
    pids: tuple[tuple[str, int], ...]


def build(steps: Steps) -> None:
    with once(cache_folder() / "temporal-server.lock"):
        for package in (SERVER, SQL_TOOL):
            if not _program(package).exists():
                with steps.step(f"building {package} with Go"):
                    _build(package)


@asynccontextmanager
async def production_temporal(
    folder: Path, *, shards: int, tuned: bool
) -> AsyncIterator[ProductionTemporal]:
    """Until the block ends; `tuned` gives it those settings of ours that would suit it.

    `folder` must be there; `shards`: of its history, for ever the number it was made with.
    """
    ports = Ports()
    try:
        async with _durable_postgres(folder, ports) as (database_url, postgres_pid):
            await asyncio.to_thread(_lay_out, database_url)
            program, address = _server(folder, database_url, ports, shards=shards, tuned=tuned)
            async with running(program, folder) as process:
                await asyncio.to_thread(_set_up, address)
                pids = (("temporal", process.pid), ("temporal's postgres", postgres_pid))
                yield ProductionTemporal(address=address, pids=pids)
    finally:
        ports.release()


@asynccontextmanager
async def _durable_postgres(folder: Path, ports: Ports) -> AsyncIterator[tuple[str, int]]:
    """With the clinic's settings: its commits wait for the disk."""
    account, password = unprivileged_account(), secrets.token_hex(8)
    with temporary_folder(account, folder) as place:
        port = ports.take()
        data = await asyncio.to_thread(postgres.initialise, place, password, account)
        async with running(postgres.program(data, port, password), folder) as process:
            yield postgres.address(port, password), process.pid


def _program(package: str) -> Path:
    """One of each version of the development server, which has the same server inside."""
    return cached_temporal_cli().with_name(f"{cached_temporal_cli().name}-{Path(package).name}")


def _build(package: str) -> None:
    with replaced(_program(package)) as new, tempfile.TemporaryDirectory() as folder:
        for name in ("go.mod", "go.sum"):
            shutil.copy(FOLDER / name, folder)
        how = ("-mod=mod", "-trimpath", "-ldflags", "-s -w")
        run_quietly(
            ["go", "build", *how, "-o", new, package],
            cwd=Path(folder),
            env={**os.environ, "CGO_ENABLED": "0"},
        )


def _lay_out(database_url: str) -> None:
    at = urlsplit(database_url)
    tool: list[str | Path] = [
        *(_program(SQL_TOOL), "--plugin", PLUGIN, "--endpoint", at.hostname or LOOPBACK),
        *("--port", str(at.port), "--user", at.username or "", "--password", at.password or ""),
    ]
    for database, schema in STORES.items():
        on = [*tool, "--database", database]
        run_quietly([*on, "create"], cwd=Path.cwd())
        run_quietly([*on, "setup-schema", "-v", "0.0"], cwd=Path.cwd())
        name = f"postgresql/v12/{schema}"
        run_quietly([*on, "update-schema", "--schema-name", name], cwd=Path.cwd())


def _server(
    folder: Path, database_url: str, ports: Ports, *, shards: int, tuned: bool
) -> tuple[Program, str]:
    dynamic = folder / "dynamic.yaml"
    settings = {k: int(v) for k, v in DYNAMIC_CONFIG.items() if k in ON_ANY_STORE} if tuned else {}
    dynamic.write_text(json.dumps({name: [{"value": value}] for name, value in settings.items()}))
    port, http = ports.take(), ports.take()
    address = f"{LOOPBACK}:{port}"
    config = folder / "temporal.yaml"
    config.write_text(
        json.dumps(
            {
                "log": {"stdout": True, "level": "warn"},
                "persistence": {
                    "defaultStore": "default",
                    "visibilityStore": "visibility",
                    "numHistoryShards": shards,
                    "datastores": {
                        "default": _store(database_url, "temporal"),
                        "visibility": _store(database_url, "temporal_visibility"),
                    },
                },
                "global": {"membership": {"broadcastAddress": LOOPBACK}},
                "services": {
                    name: {"rpc": _rpc(ports, port, http) if name == "frontend" else _rpc(ports)}
                    for name in SERVICES
                },
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
                "dynamicConfigClient": {"filepath": str(dynamic), "pollInterval": "60s"},
                "publicClient": {"hostPort": address},
            }
        )
    )
    argv = [str(_program(SERVER)), "--config-file", str(config), "--allow-no-auth", "start"]
    ready = f"http://{LOOPBACK}:{http}/api/v1/system-info"
    return Program(name="temporal-server", argv=argv, ready=lambda: http_answers(ready)), address


def _rpc(ports: Ports, port: int | None = None, http: int | None = None) -> Mapping[str, object]:
    """Where one part of the server listens, and where it is found by the others."""
    grpc = port or ports.take()
    own = {"grpcPort": grpc, "membershipPort": ports.take(), "bindOnIP": LOOPBACK}
    return own if http is None else {**own, "httpPort": http}


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
            "maxConns": 20,
            "maxIdleConns": 20,
            "maxConnLifetime": "1h",
        }
    }


def _set_up(address: str) -> None:
    named = [
        part
        for name, kind in SEARCH_ATTRIBUTES.items()
        for part in ("--name", name, "--type", kind)
    ]
    for command in (
        ["namespace", "create", "--retention", "72h"],
        ["search-attribute", "create", *named],
    ):
        at = ["--address", address, "--namespace", "default"]
        run_quietly(["sh", "-c", AGAIN, "sh", temporal_cli(), "operator", *command, *at], Path())
