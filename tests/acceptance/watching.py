"""What a run, a topic, a log and the rows hold, read from outside."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import psycopg
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from redis.asyncio import Redis
from temporalio.client import Client

from tests.acceptance.conftest import Clinic

TOPIC = "priyom.appointments"


async def records(clinic: Clinic, topic: str = TOPIC) -> list[bytes]:
    """Every record of the topic so far."""
    return [record.value for record in await whole_records(clinic, topic)]


async def whole_records(clinic: Clinic, *topics: str) -> list[ConsumerRecord[bytes, bytes]]:
    """Every record of these topics so far, with its key and its headers."""
    consumer = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=clinic.state["kafkaBootstrapServers"],
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        partitions = list(consumer.assignment())
        ends = await consumer.end_offsets(partitions)
        found: list[ConsumerRecord[bytes, bytes]] = []
        while any([await consumer.position(p) < ends[p] for p in partitions]):
            batches = await consumer.getmany(timeout_ms=500)
            found += [record for batch in batches.values() for record in batch]
        return found
    finally:
        await consumer.stop()


async def topics(clinic: Clinic) -> list[str]:
    """All that there are, but for Kafka's own notes of how far its readers are."""
    consumer = AIOKafkaConsumer(bootstrap_servers=clinic.state["kafkaBootstrapServers"])
    await consumer.start()
    try:
        return sorted(await consumer.topics() - {"__consumer_offsets"})
    finally:
        await consumer.stop()


async def lists_of_runs(client: Client) -> AsyncIterator[str]:
    """What the lists of runs and of schedules show of each: search attributes, memos, summaries."""
    async for run in client.list_workflows():
        described = await client.get_workflow_handle(run.id, run_id=run.run_id).describe()
        yield f"{described.raw_description}\n{await described.memo()}"
    async for schedule in await client.list_schedules():
        yield str((await client.get_schedule_handle(schedule.id).describe()).raw_description)


READ: dict[str, Callable[[Any, bytes], Awaitable[Any]]] = {
    "string": lambda redis, key: redis.get(key),
    "hash": lambda redis, key: redis.hgetall(key),
    "list": lambda redis, key: redis.lrange(key, 0, -1),
    "set": lambda redis, key: redis.smembers(key),
    "zset": lambda redis, key: redis.zrange(key, 0, -1, withscores=True),
    "stream": lambda redis, key: redis.xrange(key),
}
"""A key of another type than these fails."""

KINDS: dict[bytes | str, str] = {kind.encode(): kind for kind in (*READ, "none")}


async def redis_values(clinic: Clinic) -> list[str]:
    """Every key with all that is kept under it."""
    redis = Redis.from_url(clinic.state["redisUrl"] or "")
    try:
        keys = [key async for key in redis.scan_iter()]
        kinds = [KINDS[await redis.type(key)] for key in keys]
        found = [
            f"{as_text(key)} {as_text(await READ[kind](redis, key))}"
            for key, kind in zip(keys, kinds, strict=True)
            if kind != "none"  # it has ended meanwhile
        ]
    finally:
        await redis.aclose()
    return found


def as_text(value: object) -> str:
    """As far as it is: a day begins with its seal."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


async def records_about(clinic: Clinic, appointment_id: str) -> list[bytes]:
    return [record for record in await records(clinic) if appointment_id.encode() in record]


async def insisted(ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """A machine that is busy does not answer in time, or says so: then it is asked again."""
    while True:
        with suppress(httpx.TimeoutException):
            answer = await ask()
            if answer.status_code != 503:
                return answer


async def result_of(client: Client, workflow_id: str) -> str:
    """The status in which a run ended."""
    result: dict[str, Any] = await client.get_workflow_handle(workflow_id).result()
    return str(result["status"])


async def histories(client: Client) -> AsyncIterator[str]:
    """Every run of the namespace with all its payloads, decoded to text."""
    async for run in client.list_workflows():
        handle = client.get_workflow_handle(run.id, run_id=run.run_id)
        history = await handle.fetch_history()
        yield "\n".join(str(event) for event in history.events)


EVERY = 0.005
LIVE = (
    "SELECT patient_id::text, count(*) FROM schedules"
    " WHERE patient_id = ANY(%s) AND status IN ('held', 'confirmed') GROUP BY patient_id"
)


@asynccontextmanager
async def always_one_live_row(clinic: Clinic, patients: Sequence[str]) -> AsyncIterator[list[int]]:
    """At every look each has one live row; the block ends with whatever went wrong meanwhile.

    Yields the looks, so that whoever asks knows that there were some.
    """
    looks: list[int] = []
    done = asyncio.Event()

    async def look() -> None:
        url = clinic.state["databaseUrl"] or ""
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            while not done.is_set():
                rows = await (await connection.execute(LIVE, [patients])).fetchall()
                found: dict[str, int] = dict(rows)
                assert found == dict.fromkeys(patients, 1)
                looks.append(len(found))
                await asyncio.sleep(EVERY)

    watcher = asyncio.create_task(look())
    try:
        yield looks
    finally:
        done.set()
    await watcher
