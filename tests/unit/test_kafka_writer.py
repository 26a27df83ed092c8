"""The Kafka producer of the events: made once, found again by the next who publishes."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest
from aiokafka import AIOKafkaProducer

from adapters.kafka.events import KafkaAway, Writer


@dataclass
class Producer:
    """Takes what it is given."""

    taken: list[bytes | None] = field(default_factory=list)

    async def send_and_wait(self, _: str, *, value: bytes | None, **__: object) -> None:
        self.taken.append(value)

    async def stop(self) -> None:
        """It has nothing in flight."""


class SlowWriter(Writer):
    """Its producer starts when the test says so."""

    def __init__(self) -> None:
        super().__init__("unused:1", within=0.2)
        self.ready = asyncio.Event()
        self.starts = 0
        self.producer = Producer()

    async def _started(self) -> AIOKafkaProducer:
        self.starts += 1
        await self.ready.wait()
        return cast("AIOKafkaProducer", self.producer)


async def test_a_start_slower_than_a_publish_is_found_by_the_next() -> None:
    writer = SlowWriter()
    with pytest.raises(KafkaAway):
        await writer.write("visits", key=None, value=b"first", headers=[])

    writer.ready.set()
    await writer.write("visits", key=None, value=b"again", headers=[])

    assert (writer.starts, writer.producer.taken) == (1, [b"again"])
