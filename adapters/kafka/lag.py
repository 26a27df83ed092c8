"""How many records of a topic a consumer group has yet to read."""

import asyncio
import math

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from prometheus_client import Gauge

from adapters.kafka.brokers import KafkaServers, reaching

ASKED_SECONDS = 3.0
"""A person waits for it."""

EVERY_SECONDS = 30.0

UNREAD = Gauge(
    "priyom_events_unread", "Events that no notifier has read yet; NaN while Kafka is away."
)
"""Measured from outside: a notifier that is away tells nothing of what it does not read."""

UNREAD.set(math.nan)  # Of a process that never measures it as well: the largest is asked for.


async def lag_of(
    bootstrap_servers: KafkaServers, *, group: str, topic: str, within: float = ASKED_SECONDS
) -> int | None:
    """None while Kafka does not answer; `within` is in seconds."""
    try:
        async with asyncio.timeout(within):
            return await _lag(bootstrap_servers, group, topic, within)
    except (KafkaError, OSError, TimeoutError):
        return None


async def keep_measuring_lag(
    bootstrap_servers: KafkaServers, *, group: str, topic: str, every: float = EVERY_SECONDS
) -> None:
    """Until it is cancelled. Nobody waits for it, so Kafka has as long to answer as it rests."""
    while True:
        unread = await lag_of(bootstrap_servers, group=group, topic=topic, within=every)
        UNREAD.set(math.nan if unread is None else unread)
        await asyncio.sleep(every)


async def _lag(bootstrap_servers: KafkaServers, group: str, topic: str, within: float) -> int:
    """Of every partition of the topic, those as well that the group has not begun."""
    patience = {"request_timeout_ms": max(1, int(within * 1000))}
    admin = AIOKafkaAdminClient(**reaching(bootstrap_servers), **patience)
    # It is of no group, so every partition is assigned to it; it reads no record.
    consumer = AIOKafkaConsumer(topic, **reaching(bootstrap_servers), **patience)
    try:
        await admin.start()
        await consumer.start()
        there = consumer.assignment()
        consumer.pause(*there)
        read = await admin.list_consumer_group_offsets(group)
        ends = await consumer.end_offsets(there)
        begins = await consumer.beginning_offsets(there)
    finally:
        await consumer.stop()
        await admin.close()
    return sum(
        ends[place] - (max(read[place].offset, 0) if place in read else begins[place])
        for place in there
    )
