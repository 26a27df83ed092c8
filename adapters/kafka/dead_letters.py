"""The dead records of Kafka: listed with the reason, and given to the readers once more."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from adapters.kafka.events import APPOINTMENTS, DEAD, Writer

REPLAYED = "replayed"
"""Header of a record that was given to the readers again; it tells when nobody changed a thing."""

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
    kept: int
    key: bytes | None
    value: bytes | None

    @property
    def place(self) -> str:
        """How operations name it: partition and offset among the dead."""
        return f"{self.partition}:{self.offset}"

    @property
    def is_whole(self) -> bool:
        """A very long one was cut when it was parked, and cannot be what it was."""
        return self.kept >= self.size


class NotReplayable(Exception):
    """The record is not there any more, or was cut when it was parked."""


async def dead_records(bootstrap_servers: str) -> list[DeadRecord]:
    """All that lie there, oldest first in each partition. Raises KafkaError."""
    async with _reading(bootstrap_servers) as consumer:
        return [_dead(record) async for record in _all(consumer)]


async def replay(
    bootstrap_servers: str, writer: Writer, places: Sequence[str] | None
) -> list[DeadRecord]:
    """Write those of these places (all whole ones, if None) to the readers' topic again.

    They stay among the dead as well: Kafka deletes nothing but by age. A record that still cannot
    be read is parked once more, and one that was told before is told once all the same. Raises
    NotReplayable before anything is written, KafkaAway where it stopped.
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
async def _reading(bootstrap_servers: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Without a group: whoever looks at the dead changes nothing."""
    consumer = AIOKafkaConsumer(
        DEAD,
        bootstrap_servers=bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        request_timeout_ms=PATIENCE_MS,
    )
    await consumer.start()
    try:
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
    kept = len(record.value or b"")
    return DeadRecord(
        partition=record.partition,
        offset=record.offset,
        parked_at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        reason=told.get("reason", "unknown"),
        came_from=f"{told.get('topic')} {told.get('partition')}:{told.get('offset')}",
        size=int(told.get("size", kept)),
        kept=kept,
        key=record.key,
        value=record.value,
    )
