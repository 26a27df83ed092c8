"""The notifier is given every event again and in the wrong order: nobody is told twice."""

from collections.abc import Sequence
from uuid import UUID

import psycopg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from adapters.kafka.events import APPOINTMENTS, GROUP
from tests.faults.rig.case import Case, Rig
from tests.faults.rig.history import Kind
from tests.faults.rig.waiting import until_seen
from tests.faults.rig.weather import Act

TOLD = """
SELECT event_id, audience, channel, status, sequence FROM notifications
WHERE appointment_id = ANY(%s) AND status <> 'sending' ORDER BY 1, 2, 3
"""
MESSAGES_OF_A_VISIT_GIVEN_UP = 6
"""E-mail, SMS and notice of two events each, some of them superseded."""


async def test_duplicates_and_the_wrong_order(rig: Rig) -> None:
    title = "the cancellation's event before the confirmation's, then all of them twice, backwards"
    servers = rig.stack.address("kafka")
    async with rig.case(42, title, api_serves="reads") as case, case.load(3):
        ids = [await cancelled_before_it_was_announced(case) for _ in range(3)]
        told = await all_told(case, ids)

        records = [r for r in await records_of(servers) if any(str(i).encode() in r for i in ids)]
        await write(servers, [*reversed(records), *records])
        case.injected("duplicates", 2 * len(records))
        await until_seen(lambda: is_read_up(servers), "all is read", every=0.5)

        assert await all_told(case, ids) == told
    assert len(records) >= 2 * len(ids)


async def cancelled_before_it_was_announced(case: Case) -> UUID:
    booking = case.booking()
    who = booking.appointment_id
    assert (await case.insist(Kind.HOLD, booking)).status == 201
    announced = rb'confirmed\.v1","subject":"' + str(who).encode()
    lost = case.stack.link("worker", "kafka").when(announced, do=Act.RESET, times=2)
    assert (await case.insist(Kind.CONFIRM, booking)).status == 200
    assert (await case.insist(Kind.CANCEL, booking)).status == 200
    await lost.within()
    return who


async def all_told(case: Case, ids: Sequence[UUID]) -> list[tuple[object, ...]]:
    """Who was told what, once everybody was."""
    rows: list[tuple[object, ...]] = []

    async def settled() -> bool:
        url = case.stack.address("postgres")
        async with await psycopg.AsyncConnection.connect(url) as connection:
            rows[:] = await (await connection.execute(TOLD, (list(ids),))).fetchall()
        return len(rows) >= MESSAGES_OF_A_VISIT_GIVEN_UP * len(ids)

    await until_seen(settled, "patients and doctors are told", every=0.3)
    return list(rows)


async def records_of(servers: str) -> list[bytes]:
    """Every record of the topic so far."""
    consumer = AIOKafkaConsumer(
        APPOINTMENTS, bootstrap_servers=servers, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        found: list[bytes] = []
        while len(found) < sum(ends.values()):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                found += [record.value for record in batch]
        return found
    finally:
        await consumer.stop()


async def write(servers: str, values: Sequence[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(APPOINTMENTS, value=value)
    finally:
        await producer.stop()


async def is_read_up(servers: str) -> bool:
    """Whether the notifier's group has committed all that the topic had a moment ago."""
    consumer = AIOKafkaConsumer(APPOINTMENTS, bootstrap_servers=servers)
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await consumer.start()
    await admin.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        read = await admin.list_consumer_group_offsets(GROUP)
        return all(p in read and read[p].offset >= end for p, end in ends.items() if end)
    finally:
        await admin.close()
        await consumer.stop()
