"""What a process tells Prometheus: our figures, and the Temporal SDK's behind them."""

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from adapters.temporal.sdk_metrics import SDK

CONTENT_TYPE = CONTENT_TYPE_LATEST


async def exposition() -> bytes:
    return generate_latest() + await SDK.text()
