"""Is a server there? Cheap questions that a readiness check may ask once a second."""

import asyncio
from datetime import timedelta

import psycopg
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from adapters.kafka.brokers import KafkaServers, reaching
from adapters.kafka.events import APPOINTMENTS
from adapters.postgres.database import Database
from adapters.postgres.revision import ask_for_schema
from adapters.temporal.starts import STARTS

REQUEST_MS = 1_000


class NotWritten(ConnectionError):
    """It answers, and does not keep what it is told."""


async def ask_postgres(database: Database) -> None:
    """With the schema of this build: on an older one nothing of it would do."""
    await ask_for_schema(database)


async def ask_temporal(client: Client) -> None:
    """Of its store, not of its front alone: without the namespace nothing can be booked.

    Nor where it reads and does not write, which only those know who ask it to.
    """
    await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace),
        retry=False,
        timeout=timedelta(seconds=1),
    )
    if not STARTS.are_written:
        raise NotWritten


async def both_answer(client: Client, database: Database) -> bool:
    """Temporal and PostgreSQL: a worker or a notifier needs both."""
    try:
        async with asyncio.timeout(2):
            await ask_temporal(client)
            await ask_postgres(database)
    except (RPCError, psycopg.Error, OSError, TimeoutError):
        return False
    return True


async def ask_redis(redis: Redis) -> None:
    await redis.get("priyom:probe")


async def ask_kafka(bootstrap_servers: KafkaServers) -> None:
    """Of the topic that events go to: a broker that has lost it keeps none. Raises KafkaError."""
    client = AIOKafkaClient(**reaching(bootstrap_servers), request_timeout_ms=REQUEST_MS)
    try:
        await client.bootstrap()
        await client.set_topics([APPOINTMENTS])
        if not client.cluster.available_partitions_for_topic(APPOINTMENTS):
            raise KafkaError(f"nobody leads {APPOINTMENTS}")
    finally:
        await client.close()
