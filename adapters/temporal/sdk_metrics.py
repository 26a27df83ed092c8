"""The Temporal SDK's own metrics: one runtime a process, whose figures `/metrics` hands on.

The SDK's core serves them itself, on a port of the loopback that nobody needs to know.
"""

import socket

from aiohttp import ClientError, ClientSession, ClientTimeout
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

LOOPBACK = "127.0.0.1"
ASKED_SECONDS = 1.0


class SdkMetrics:
    """Off until a process switches it on: then the runtime is made with its first client."""

    def __init__(self) -> None:
        self._wanted = False
        self._runtime: Runtime | None = None
        self._url = ""

    def switch_on(self) -> None:
        self._wanted = True

    def runtime(self) -> Runtime | None:
        """For every client of this process; None for the SDK's own, which measures nothing.

        Names follow Prometheus: `_total` for counters, base units with their suffix.
        """
        if self._wanted and self._runtime is None:
            address = f"{LOOPBACK}:{_free_port()}"
            metrics = PrometheusConfig(
                bind_address=address,
                counters_total_suffix=True,
                unit_suffix=True,
                durations_as_seconds=True,
            )
            self._runtime = Runtime(telemetry=TelemetryConfig(metrics=metrics))
            self._url = f"http://{address}/metrics"
        return self._runtime

    async def text(self) -> bytes:
        """In Prometheus's text format; empty where there are none, or none in time."""
        if not self._url:
            return b""
        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=ASKED_SECONDS)) as session,
                session.get(self._url) as answer,
            ):
                return await answer.read()
        except (ClientError, TimeoutError, OSError):
            return b""


SDK = SdkMetrics()
"""Of this process."""


def _free_port() -> int:
    """Should another take it before the core does, the client is made again, with another port."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
