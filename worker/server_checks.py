"""A process that no server will ever let in ends at its start, and says by which setting."""

import asyncio
from collections.abc import Iterable

from temporalio.envconfig import ClientConnectConfig

from adapters.process.connection_settings import Connections
from adapters.process.server_checks import (
    UNREADABLE,
    kafka_refuses,
    postgres_refuses,
    redis_refuses,
    temporal_refuses,
)
from adapters.process.settings import BadSettings
from adapters.temporal.client import api_key_is_refused, configured_connection

KAFKA = "KAFKA_SECURITY_PROTOCOL, KAFKA_SSL_CA_FILE, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD"


def check_servers(servers: Connections) -> None:
    """Raises `BadSettings`. A server that is away is not waited for: it may come later."""
    try:
        temporal = configured_connection()
    except (OSError, RuntimeError):
        raise BadSettings(f"TEMPORAL_*: {UNREADABLE}") from None
    wrong = list(asyncio.run(_asked(servers, temporal)))
    if wrong:
        raise BadSettings("; ".join(wrong))


def check_api_key() -> None:
    """The same of Temporal's API key, once the SDK may be used: it starts threads of its own."""
    config = configured_connection()
    if "api_key" in config and asyncio.run(api_key_is_refused(config)):
        raise BadSettings("TEMPORAL_API_KEY: the server refuses this key")


async def _asked(servers: Connections, temporal: ClientConnectConfig) -> Iterable[str]:
    asked = {
        "DATABASE_URL": postgres_refuses(servers.database_url),
        "REDIS_URL": redis_refuses(servers.redis_url),
        "TEMPORAL_TLS_*": temporal_refuses(temporal),
    }
    if servers.kafka.has_tls or servers.kafka.has_password:
        asked[KAFKA] = kafka_refuses(servers.kafka)
    answers = await asyncio.gather(*asked.values())
    return [f"{name}: {told}" for name, told in zip(asked, answers, strict=True) if told]
