"""`python -m api`: serve until told to stop."""

import signal
import socket
import sys

import structlog
import uvicorn
from fastapi import FastAPI

from adapters.postgres.secret_in_use import Secrets
from adapters.process.children import serve_in_children
from adapters.process.connection_settings import Connections
from adapters.process.disk import watch_disk
from adapters.process.exit import exit_process
from adapters.process.file_limit import raise_open_file_limit
from adapters.process.gc_tuning import collect_garbage_seldom
from adapters.process.logs import configure_logs
from adapters.process.setting_values import origins_of
from adapters.process.settings import (
    BadSettings,
    Product,
    connections,
    product,
    sign_in_of,
)
from adapters.process.time_zones import use_pinned_time_zones
from adapters.process.traces import TRACES
from adapters.temporal.sdk_metrics import SDK
from api.app import create_app
from api.http.origins import Origins
from api.http.protocol import ProblemProtocol
from api.http.streams import Streams
from api.services import open_services
from worker.sdk_patches import spare_payload_walks
from worker.secrets import secrets_of
from worker.server_checks import check_api_key, check_servers

BAD_SETTINGS = 2
GRACE_SECONDS = 10
KEPT_OPEN_SECONDS = 75
"""How long a connection without a request stays open: longer than most programs keep it.

Who closes first must be the caller: a request that crosses the server's closing gets no answer.
httpx keeps a connection for 5 s, aiohttp for 15, nginx and AWS's balancer for 60; a browser, which
keeps them longer, sends such a request again.
"""

log = structlog.stdlib.get_logger(__name__)


class Server(uvicorn.Server):
    """Ends the open streams first: they would outlast any grace."""

    def __init__(self, config: uvicorn.Config, *, streams: Streams) -> None:
        super().__init__(config)
        self._streams = streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._streams.leave()
        await super().shutdown(sockets)


def main() -> int:
    try:
        settings, servers = product(), connections()
        check_servers(servers)
        secrets = secrets_of(settings, servers.database_url)
        sign_in_of(settings)
    except BadSettings as error:
        sys.stderr.write(f"priyom api: {error}\n")
        return BAD_SETTINGS
    configure_logs(settings.log_format)
    use_pinned_time_zones()
    collect_garbage_seldom()
    raise_open_file_limit()
    if settings.api_processes == 1:
        return _serve(settings, servers, secrets)
    with _listening(settings) as socket_of_all:
        return serve_in_children(
            settings.api_processes,
            lambda: _serve(settings, servers, secrets, sockets=[socket_of_all]),
        )


def _serve(
    settings: Product,
    servers: Connections,
    secrets: Secrets,
    *,
    sockets: list[socket.socket] | None = None,
) -> int:
    SDK.switch_on()
    try:
        check_api_key()
    except BadSettings as error:
        sys.stderr.write(f"priyom api: {error}\n")
        return BAD_SETTINGS
    TRACES.switch_on("api")
    watch_disk(settings.home)
    patched = settings.sdk_patches == "on" and spare_payload_walks()
    app = create_app(
        lambda: open_services(settings, servers, secrets.now, secrets.previous),
        answer_within_seconds=settings.answer_within_seconds,
        origins=Origins(
            public=settings.public_url,
            allowed=frozenset(origins_of(settings.allowed_origins)),
            temporal_ui=settings.temporal_ui_url,
        ),
    )
    server = Server(configured(app, settings), streams=app.state.streams)
    log.info(
        "api_started",
        host=settings.api_host,
        port=settings.api_port,
        serves=settings.api_serves,
        sdk_patches=patched,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _already_heeded)
    server.run(sockets=sockets)
    log.info("api_stopped")
    return 0 if server.started else 1


def _listening(settings: Product) -> socket.socket:
    """One socket that all processes of the API take connections from."""
    family = socket.AF_INET6 if ":" in settings.api_host else socket.AF_INET
    return socket.create_server((settings.api_host, settings.api_port), family=family, backlog=2048)


def configured(app: FastAPI, settings: Product) -> uvicorn.Config:
    """How the API is served."""
    return uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=ProblemProtocol,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEPT_OPEN_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _already_heeded(_number: int, _frame: object) -> None:
    """Uvicorn repeats the signal after it has shut down, for handlers that came before it."""


if __name__ == "__main__":
    exit_process(main())
