"""Kafka is gone, loses its answers or refuses records: bookings go on, every event arrives."""

import asyncio

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from adapters.kafka.events import APPOINTMENTS, DEAD
from tests.faults.rig.case import Rig
from tests.faults.rig.history import Kind
from tests.faults.rig.waiting import until_seen
from tests.faults.rig.weather import Act, id_in_any_form


async def test_kafka_stopped(rig: Rig) -> None:
    title = "Kafka killed and away for 8 s under load: confirm answers, the events come afterwards"
    async with rig.case(30, title) as case, case.load():
        await case.confirmed(3)
        await case.stack.kill_and_hold_down("kafka")
        case.injected("kill -9 kafka, held down")
        await case.confirmed(8)
        await asyncio.sleep(4)
        await case.stack.start("kafka")
        await case.confirmed(3)


async def test_acknowledgements_lost_after_the_write(rig: Rig) -> None:
    title = "Kafka has the record, its acknowledgement is lost: sent again with the same id"
    async with rig.case(31, title, api_serves="reads") as case, case.load(4):
        link = case.stack.link("worker", "kafka")
        for _ in range(3):
            booking = case.booking()
            assert (await case.insist(Kind.HOLD, booking)).status == 201
            lost = link.when(id_in_any_form(booking.appointment_id), do=Act.LOSE_REPLY)
            assert (await case.insist(Kind.CONFIRM, booking)).status == 200
            await lost.within()
        await case.confirmed(3)


async def test_a_record_that_nobody_can_read_and_a_topic_that_takes_none(rig: Rig) -> None:
    title = "one record no consumer can read is parked; for 5 s the topic refuses all: size"
    servers = rig.stack.address("kafka")
    async with rig.case(32, title) as case, case.load(4):
        await case.confirmed(2)
        parked = await end_of(servers, DEAD)
        await write(servers, UNREADABLE)
        await allow(servers, SMALLER_THAN_ANY)
        case.injected("unreadable record")
        case.injected("topic refuses by size")
        await case.confirmed(5)
        await asyncio.sleep(3)
        await allow(servers, BROKERS_OWN)

        async def one_more_is_parked() -> bool:
            return await end_of(servers, DEAD) == parked + 1

        await until_seen(one_more_is_parked, "the record is parked", every=0.5)
        await case.confirmed(2)


SMALLER_THAN_ANY, BROKERS_OWN = 200, 1048588
UNREADABLE = orjson.dumps(
    {
        "specversion": "1.0",
        "id": "00000000-0000-5000-8000-000000000001",
        "type": "org.priyom.appointment.forgotten.v9",
        "subject": "00000000-0000-4000-8000-000000000002",
        "sequence": "1",
    }
)


async def write(servers: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers)
    await producer.start()
    try:
        await producer.send_and_wait(APPOINTMENTS, value=value)
    finally:
        await producer.stop()


async def end_of(servers: str, topic: str) -> int:
    """How many records the topic has been given."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=servers)
    await consumer.start()
    try:
        return sum((await consumer.end_offsets(consumer.assignment())).values())
    finally:
        await consumer.stop()


async def allow(servers: str, most: int) -> None:
    """Let the topic take records of so many bytes and no more."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        wanted = {"max.message.bytes": str(most)}
        topic = ConfigResource(ConfigResourceType.TOPIC, APPOINTMENTS, configs=wanted)
        await admin.alter_configs([topic])
    finally:
        await admin.close()
