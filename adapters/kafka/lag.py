"""How many records of a topic a consumer group has yet to read."""

import asyncio
import math

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from prometheus_client import Gauge

from adapters.kafka.brokers import KafkaServers, reaching

ASKED_SECONDS = 3.0
REQUEST_MS = 2_000
EVERY_SECONDS = 30.0

UNREAD = Gauge(
    "priyom_events_unread", "Events that no notifier has read yet; NaN while Kafka is away."
)
"""Measured from outside: a notifier that is away tells nothing of what it does not read."""


async def lag_of(bootstrap_servers: KafkaServers, *, group: str, topic: str) -> int | None:
    """None while Kafka does not answer."""
    try:
        async with asyncio.timeout(ASKED_SECONDS):
            return await _lag(bootstrap_servers, group, topic)
    except (KafkaError, OSError, TimeoutError):
        return None


async def keep_measuring_lag(
    bootstrap_servers: KafkaServers, *, group: str, topic: str, every: float = EVERY_SECONDS
) -> None:
    """Until it is cancelled."""
    while True:
        unread = await lag_of(bootstrap_servers, group=group, topic=topic)
        UNREAD.set(math.nan if unread is None else unread)
        await asyncio.sleep(every)


async def _lag(bootstrap_servers: KafkaServers, group: str, topic: str) -> int:
    admin = AIOKafkaAdminClient(**reaching(bootstrap_servers), request_timeout_ms=REQUEST_MS)
    consumer = AIOKafkaConsumer(**reaching(bootstrap_servers), request_timeout_ms=REQUEST_MS)
    try:
        await admin.start()
        await consumer.start()
        read = await admin.list_consumer_group_offsets(group)
        there = {place for place in read if place.topic == topic}
        there |= {TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()}
        ends = await consumer.end_offsets(list(there))
        begins = await consumer.beginning_offsets(list(there))
    finally:
        await consumer.stop()
        await admin.close()
    return sum(
        ends[place] - (max(read[place].offset, 0) if place in read else begins[place])
        for place in there
    )
