"""Records that no attempt will ever read: kept apart with the reason, so that others flow."""

from structlog import get_logger

from adapters.kafka.cloudevents import Fault
from adapters.kafka.events import DEAD, Record, Writer

MOST_KEPT = 512 * 1024
"""Bytes of a value that are kept; a broker takes records of up to one megabyte, key and all."""

MOST_OF_KEY = 64 * 1024
"""Bytes of a key; ours are the ids of appointments."""

log = get_logger(__name__)


class DeadLetters:
    """The topic of dead records; headers say where a record stood and why it could not be read."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def park(self, record: Record, fault: Fault) -> None:
        """Raises KafkaAway: then the record is not committed, and is parked later."""
        key, value = record.key, record.value
        headers = {
            "reason": fault.value,
            "topic": record.topic,
            "partition": str(record.partition),
            "offset": str(record.offset),
            "size": str(len(value or b"")),
            "key_size": str(len(key or b"")),
        }
        await self._writer.write(
            DEAD,
            key=key if key is None else key[:MOST_OF_KEY],
            value=value if value is None else value[:MOST_KEPT],
            headers=[(name, text.encode()) for name, text in headers.items()],
        )
        log.error(
            "record_parked",
            reason=fault.value,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
        )
