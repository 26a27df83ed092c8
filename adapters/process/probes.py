"""Is a server there? Cheap questions that a readiness check may ask once a second."""

import asyncio
import struct
from datetime import timedelta

import psycopg
from redis.asyncio import Redis
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from adapters.postgres.database import Database

API_VERSIONS = struct.pack(">hhih", 18, 0, 1, -1)
"""Kafka's own question before all others: key 18, version 0, correlation 1, no client id."""


async def ask_postgres(database: Database) -> None:
    async with database.lend() as connection:
        await connection.execute("SELECT 1")


async def ask_temporal(client: Client) -> None:
    """Of its store, not of its front alone: without the namespace nothing can be booked."""
    await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace),
        retry=False,
        timeout=timedelta(seconds=1),
    )


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


async def ask_kafka(bootstrap_servers: str) -> None:
    """One broker that answers is enough; raises the last one's error if none does."""
    error: Exception = OSError("no broker is configured")
    for address in bootstrap_servers.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            await _ask_broker(host, int(port))
        except (OSError, EOFError, ValueError) as failure:
            error = failure
        else:
            return
    raise error


async def _ask_broker(host: str, port: int) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(struct.pack(">i", len(API_VERSIONS)) + API_VERSIONS)
        await reader.readexactly(8)  # the answer's length and our correlation id
    finally:
        writer.close()
