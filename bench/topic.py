"""The topic of events, seen from outside: how many there are, and of which appointments."""

from aiokafka import AIOKafkaConsumer, TopicPartition

from adapters.kafka.events import APPOINTMENTS, PARTITIONS

PLACES = [TopicPartition(APPOINTMENTS, number) for number in range(PARTITIONS)]


async def open_topic(bootstrap_servers: str) -> AIOKafkaConsumer:
    """A reader without a group, that fetches nothing until it is asked to."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
    await consumer.start()
    return consumer


async def length(consumer: AIOKafkaConsumer) -> int:
    """How many records were ever written."""
    ends: dict[TopicPartition, int] = await consumer.end_offsets(PLACES)
    return sum(ends.values())


async def announced(consumer: AIOKafkaConsumer) -> set[str]:
    """The appointments of all records up to now."""
    ends: dict[TopicPartition, int] = await consumer.end_offsets(PLACES)
    consumer.assign(PLACES)
    await consumer.seek_to_beginning(*PLACES)
    found: set[str] = set()
    while any([await consumer.position(place) < end for place, end in ends.items()]):
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            found |= {record.key.decode() for record in records}
    consumer.unsubscribe()
    return found


async def skip_to_end(bootstrap_servers: str, group: str) -> None:
    """What is there already is none of this group's business."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers, group_id=group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        ends: dict[TopicPartition, int] = await consumer.end_offsets(PLACES)
        consumer.assign(PLACES)
        await consumer.commit(ends)
    finally:
        await consumer.stop()
