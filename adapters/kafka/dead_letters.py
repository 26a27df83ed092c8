"""Dead letters: listed with their reason, and replayed to the consumers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from adapters.kafka.brokers import KafkaServers, reaching
from adapters.kafka.events import APPOINTMENTS, DEAD, Writer

REPLAYED = "replayed"
"""Header of a replayed record. A dead letter that has it failed again after a replay."""

PATIENCE_MS = 5_000


@dataclass(frozen=True, kw_only=True)
class DeadRecord:
    """A record that nobody could read, where it lies now and where it came from."""

    partition: int
    offset: int
    parked_at: datetime
    reason: str
    came_from: str
    size: int
    """Bytes of key and value as they came; `kept` are those that lie here."""

    kept: int
    key: bytes | None
    value: bytes | None

    @property
    def place(self) -> str:
        """How operations name it: partition and offset among the dead."""
        return f"{self.partition}:{self.offset}"

    @property
    def is_whole(self) -> bool:
        """A record that was truncated when it was parked cannot be replayed."""
        return self.kept >= self.size


class NotReplayable(Exception):
    """The dead letter has expired, or was truncated when it was parked."""


async def dead_records(bootstrap_servers: KafkaServers) -> list[DeadRecord]:
    """All dead letters, oldest first in each partition. Raises KafkaError."""
    async with _reading(bootstrap_servers) as consumer:
        return [_dead(record) async for record in _all(consumer)]


async def replay(
    bootstrap_servers: KafkaServers, writer: Writer, places: Sequence[str] | None
) -> list[DeadRecord]:
    """Write the dead letters at these places to the topic of events again; None means all.

    All but truncated ones, that is. They stay dead letters too, since Kafka deletes by age only.
    A record that still cannot be read is parked once more. One that was delivered before is not
    delivered twice. Raises NotReplayable before anything is written, and KafkaAway at the record
    where it stopped.
    """
    found = {record.place: record for record in await dead_records(bootstrap_servers)}
    chosen = [r for r in found.values() if r.is_whole] if places is None else []
    for place in places or ():
        record = found.get(place)
        if record is None:
            raise NotReplayable(f"{place}: there is no such dead record")
        if not record.is_whole:
            raise NotReplayable(
                f"{place}: {record.kept} of {record.size} bytes were kept, it cannot be replayed"
            )
        chosen.append(record)
    for record in chosen:
        await writer.write(
            APPOINTMENTS, key=record.key, value=record.value, headers=[(REPLAYED, b"true")]
        )
    return chosen


@asynccontextmanager
async def _reading(bootstrap_servers: KafkaServers) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer without a group: reading dead letters commits nothing."""
    consumer = AIOKafkaConsumer(
        DEAD,
        **reaching(bootstrap_servers),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        request_timeout_ms=PATIENCE_MS,
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def _all(consumer: AIOKafkaConsumer) -> AsyncIterator[ConsumerRecord[bytes, bytes]]:
    """Up to where each partition ended when we began."""
    partitions = consumer.assignment()
    ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
    for partition in sorted(partitions):
        while await consumer.position(partition) < ends[partition]:
            polled = await consumer.getmany(partition, timeout_ms=PATIENCE_MS)
            for records in polled.values():
                for record in records:
                    yield record


def _dead(record: ConsumerRecord[bytes, bytes]) -> DeadRecord:
    told = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    key, value = len(record.key or b""), len(record.value or b"")
    return DeadRecord(
        partition=record.partition,
        offset=record.offset,
        parked_at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        reason=told.get("reason", "unknown"),
        came_from=f"{told.get('topic')} {told.get('partition')}:{told.get('offset')}",
        size=int(told.get("key_size", key)) + int(told.get("size", value)),
        kept=key + value,
        key=record.key,
        value=record.value,
    )
