"""Kafka: appointment events out (outlives the broker) and in (committed by hand)."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    TopicAlreadyExistsError,
    for_code,
)
from structlog import get_logger

from adapters.kafka import cloudevents
from adapters.kafka.brokers import KafkaServers, reaching
from adapters.process.traces import traceparent
from domain.events import AppointmentEvent

APPOINTMENTS = "priyom.appointments"
DEAD = "priyom.appointments.dead"
PARTITIONS = 3
GROUP = "priyom-notifier"
"""The consumer group of the notifiers."""

WRITE_SECONDS = 4.5
"""A publish answers within the 5 s that its caller allows."""
START_SECONDS = 30.0
"""A producer that has not found the brokers by then is discarded. A slow start may outlast the
publish that began it; the next publish waits for the same start."""
REQUEST_MS = 2_000
"""The timeout of one request, and of all attempts at one record. It is short, so that a broker that
is back is soon found, and a discarded producer soon ends."""
LONGEST_BACK_OFF = 10.0

LOOKED_AT_EVERY_SECONDS = 30.0
"""How soon a topic is made again that somebody has deleted, or that went with the broker's disk."""

Headers = Sequence[tuple[str, bytes]]

log = get_logger(__name__)
# It logs every failed attempt, many lines a second. This module logs what matters.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


class KafkaAway(ConnectionError):
    """Kafka did not acknowledge the record. It may have it, so send the same record again."""


class Writer:
    """A producer. It is created on first use, and again after a failure.

    It is not an idempotent one: that would retry a record for ever. The caller retries anyway, with
    another producer, and consumers recognise an event by its id.
    """

    def __init__(self, bootstrap_servers: KafkaServers, *, within: float = WRITE_SECONDS) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._within = within
        self._starting: asyncio.Task[AIOKafkaProducer] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def write(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers
    ) -> None:
        """Return when every in-sync replica has it; raises KafkaAway within its seconds."""
        start = self._start_once()
        try:
            async with asyncio.timeout(self._within):
                producer = await asyncio.shield(start)
                await producer.send_and_wait(topic, value=value, key=key, headers=list(headers))
        except MessageSizeTooLargeError:
            raise
        except (KafkaError, TimeoutError, OSError) as error:
            if start.done():
                self._discard(start)
            raise KafkaAway(type(error).__name__) from None

    async def stop(self) -> None:
        if self._starting is not None:
            self._discard(self._starting)
        await asyncio.gather(*self._closing)

    def _start_once(self) -> asyncio.Task[AIOKafkaProducer]:
        if self._starting is None:
            self._starting = asyncio.create_task(self._started())
        return self._starting

    async def _started(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **reaching(self._bootstrap_servers),
            client_id="priyom",
            acks="all",
            request_timeout_ms=REQUEST_MS,
            metadata_max_age_ms=30_000,
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    def _discard(self, start: asyncio.Task[AIOKafkaProducer]) -> None:
        """Forget this producer; what others still have in flight in it may end."""
        if self._starting is not start:
            return
        self._starting = None
        closing = asyncio.create_task(_close(start))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


async def _close(start: asyncio.Task[AIOKafkaProducer]) -> None:
    """Flush. Without a broker each record fails by itself after `REQUEST_MS`."""
    with suppress(KafkaError, TimeoutError, OSError):
        async with asyncio.timeout(WRITE_SECONDS):
            producer = await start
        await producer.stop()


class EventPublisher:
    """Publishes appointment events. Kafka may be away when the process starts."""

    def __init__(self, bootstrap_servers: KafkaServers) -> None:
        self._writer = Writer(bootstrap_servers)

    async def publish(self, event: AppointmentEvent) -> None:
        """Idempotent by the event's id, which every attempt repeats. Raises KafkaAway."""
        await self._writer.write(
            APPOINTMENTS,
            key=str(event.appointment_id).encode(),
            value=cloudevents.encode(event, traceparent()),
            headers=[("content-type", cloudevents.CONTENT_TYPE.encode())],
        )

    async def stop(self) -> None:
        await self._writer.stop()


@dataclass(frozen=True, kw_only=True)
class Record:
    """What stands at one offset, not yet read."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class EventReader:
    """One member of a consumer group. A record that is not `done` is read again, by any member.

    Any call may raise KafkaError. Then stop this reader and create another.
    """

    def __init__(self, bootstrap_servers: KafkaServers, group: str) -> None:
        self._consumer = AIOKafkaConsumer(
            APPOINTMENTS,
            **reaching(bootstrap_servers),
            client_id=group,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            metadata_max_age_ms=30_000,
            request_timeout_ms=20_000,
            retry_backoff_ms=250,
        )

    async def start(self) -> None:
        await self._consumer.start()

    async def stop(self) -> None:
        with suppress(KafkaError, TimeoutError, OSError):
            async with asyncio.timeout(WRITE_SECONDS):
                await self._consumer.stop()

    async def read(self, *, at_most: int) -> list[Record]:
        """The next records, oldest first in each partition; none after a second of silence."""
        polled = await self._consumer.getmany(timeout_ms=1000, max_records=at_most)
        return [
            Record(
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                key=record.key,
                value=record.value,
            )
            for records in polled.values()
            for record in records
        ]

    async def done(self, records: Sequence[Record]) -> None:
        """Commit past these records. A partition lost meanwhile is left to its new owner."""
        ends: dict[TopicPartition, int] = {}
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            ends[partition] = max(ends.get(partition, 0), record.offset + 1)
        try:
            await self._consumer.commit(ends)
        except KafkaError as error:
            log.warning("commit_was_refused", error=type(error).__name__)

    def again(self, records: Sequence[Record]) -> None:
        """Go back to the first of these in each partition that is still ours."""
        starts: dict[TopicPartition, int] = {}
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            starts[partition] = min(starts.get(partition, record.offset), record.offset)
        for partition in starts.keys() & self._consumer.assignment():
            self._consumer.seek(partition, starts[partition])

    def behind(self, records: Sequence[Record]) -> dict[int, int]:
        """How many records of each partition come after the last of these."""
        last = {record.partition: record.offset for record in records}
        ends = {
            partition.partition: self._consumer.highwater(partition)
            for partition in self._consumer.assignment()
        }
        return {part: (ends.get(part) or at + 1) - at - 1 for part, at in last.items()}


async def keep_topics(
    bootstrap_servers: KafkaServers, *, every: float = LOOKED_AT_EVERY_SECONDS
) -> None:
    """Create missing topics, now and later: run it as a task."""
    while True:
        await ensure_topics(bootstrap_servers)
        await asyncio.sleep(every)


async def ensure_topics(bootstrap_servers: KafkaServers) -> None:
    """Create missing topics, however long Kafka is away."""
    pause = 0.5
    while True:
        try:
            await _create_topics(bootstrap_servers)
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("topics_not_ensured", error=type(error).__name__, again_in_seconds=pause)
        else:
            return
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_BACK_OFF)


async def _create_topics(bootstrap_servers: KafkaServers) -> None:
    admin = AIOKafkaAdminClient(**reaching(bootstrap_servers), request_timeout_ms=5_000)
    try:
        await admin.start()
        brokers = len((await admin.describe_cluster())["brokers"])
        wanted = [NewTopic(name, PARTITIONS, min(3, brokers)) for name in (APPOINTMENTS, DEAD)]
        answer = await admin.create_topics(wanted)
        for _, code, *_ in answer.topic_errors:
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise for_code(code)
        await _widen(admin)
    finally:
        await admin.close()


async def _widen(admin: AIOKafkaAdminClient) -> None:
    """A broker that creates topics by itself may have made them with one partition."""
    for topic in await admin.describe_topics([APPOINTMENTS, DEAD]):
        if 0 < len(topic["partitions"]) < PARTITIONS:
            await admin.create_partitions({topic["topic"]: NewPartitions(PARTITIONS)})
