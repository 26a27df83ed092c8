"""Readiness probes in each server's own protocol: an open port alone proves nothing."""

import logging
import ssl

import httpx
import psycopg
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from redis.exceptions import RedisError

SECONDS_PER_TRY = 2
# Our URLs are plain HTTP, and loading the certificate authorities costs 20 ms per try.
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

# A probe retries a refused connection, so it need not be logged.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


async def postgres_answers(url: str) -> bool:
    try:
        async with await psycopg.AsyncConnection.connect(
            url, connect_timeout=SECONDS_PER_TRY
        ) as connection:
            await connection.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


async def redis_answers(url: str) -> bool:
    client = Redis.from_url(url, socket_connect_timeout=SECONDS_PER_TRY, socket_timeout=2)
    try:
        await client.ping()
    except (RedisError, OSError):
        return False
    finally:
        await client.aclose()
    return True


async def kafka_answers(bootstrap_servers: str) -> bool:
    client = AIOKafkaClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=2000)
    try:
        await client.bootstrap()
        return bool(client.cluster.brokers())
    except (KafkaError, OSError):
        return False
    finally:
        await client.close()


async def temporal_answers(http: str, namespace: str, search_attributes: set[str]) -> bool:
    """The namespace exists and knows our search attributes (asked over HTTP)."""
    url = f"{http}/api/v1/namespaces/{namespace}/search-attributes"
    try:
        async with _http() as client:
            answer = await client.get(url)
            known = answer.json().get("customAttributes", {}) if answer.is_success else {}
    except (httpx.HTTPError, ValueError):
        return False
    return answer.is_success and search_attributes <= set(known)


async def http_answers(url: str) -> bool:
    try:
        async with _http() as client:
            return (await client.get(url)).is_success
    except httpx.HTTPError:
        return False


def _http() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=SECONDS_PER_TRY, trust_env=False, verify=NO_AUTHORITIES)
