"""Events through a real Kafka: published in time or refused in time, read until they are done."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from temporalio.service import RPCError, RPCStatusCode

from adapters.kafka.cloudevents import LONGEST_RECORD, decode, encode
from adapters.kafka.dead_letters import DeadRecord, NotReplayable, dead_records, replay
from adapters.kafka.events import (
    APPOINTMENTS,
    DEAD,
    EventPublisher,
    EventReader,
    KafkaAway,
    Record,
    Writer,
    ensure_topics,
    keep_topics,
)
from adapters.postgres.borne_out import Proof
from domain.events import AppointmentEvent
from notifier.dead_letters import DeadLetters
from notifier.intake import Intake
from notifier.replay import give_again, show
from stack.embedded import running
from stack.ports import Ports
from stack.servers import kafka as kafka_server
from tests.messages import an_event

pytestmark = pytest.mark.unmeasured

MEGABYTE = 1024 * 1024
IN_TIME = 15
"""Seconds: three times what a publish may take, and half of what a start of a producer may."""

NOBODY_LISTENS = "127.0.0.1:1"


class Patient(EventPublisher):
    """Asks a busy broker again, as the runs do."""

    async def publish(self, event: AppointmentEvent) -> None:
        async with asyncio.timeout(60):
            while True:
                with suppress(KafkaAway):
                    return await super().publish(event)


@pytest.fixture
async def publisher(kafka: str) -> AsyncIterator[EventPublisher]:
    made = Patient(kafka)
    yield made
    await made.stop()


class Started:
    """Deliveries in memory; Temporal is away as often as told."""

    def __init__(self, *, away: int = 0) -> None:
        self.ids: list[UUID] = []
        self.away = away

    async def start(self, event: AppointmentEvent) -> None:
        if self.away > 0:
            self.away -= 1
            raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")
        self.ids.append(event.event_id)


class Believing:
    """Takes every event for true, but for those of this patient; it may be away at first."""

    def __init__(self, *, away: int = 0, liar: UUID | None = None) -> None:
        self.away = away
        self.liar = liar

    async def forged(self, events: Sequence[AppointmentEvent]) -> set[int]:
        if self.away > 0:
            self.away -= 1
            raise psycopg.OperationalError
        return {place for place, event in enumerate(events) if event.patient_id == self.liar}


async def until(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while True:
            answer = holds()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.02)


BELIEVING = Believing()


@asynccontextmanager
async def taking_in(
    servers: str, started: Started, group: str, proof: Proof = BELIEVING
) -> AsyncIterator[asyncio.Task[None]]:
    writer = Writer(servers)
    intake = Intake(
        servers,
        deliveries=started,
        proof=proof,
        dead_letters=DeadLetters(writer),
        group=group,
    )
    task = asyncio.create_task(intake.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await writer.stop()


async def read_all(servers: str, topic: str) -> list[Any]:
    """Everything in the topic, by a consumer without a group."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        found: list[Any] = []
        while len(found) < sum(ends.values()):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += records
        return found
    finally:
        await consumer.stop()


async def test_topics_are_made_once_with_three_partitions(kafka: str) -> None:
    await asyncio.gather(*(ensure_topics(kafka) for _ in range(3)))

    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    described = await admin.describe_topics([APPOINTMENTS, DEAD])
    await admin.close()
    assert {topic["topic"]: len(topic["partitions"]) for topic in described} == {
        APPOINTMENTS: 3,
        DEAD: 3,
    }


async def test_a_topic_that_was_deleted_is_made_again(kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await ensure_topics(kafka)
    await admin.delete_topics([DEAD])

    async def is_there() -> bool:
        return DEAD in await admin.list_topics()

    async def is_gone() -> bool:
        return not await is_there()

    await until(is_gone)  # a broker lists it for a while
    keeping = asyncio.create_task(keep_topics(kafka, every=0.1))
    await until(is_there)

    assert not keeping.done(), "it goes on looking"
    keeping.cancel()
    await asyncio.wait((keeping,))
    await admin.close()


def of(events: list[AppointmentEvent], records: list[Any]) -> list[Any]:
    """Those about the appointments of these events: other tests write here, too."""
    keys = {str(event.appointment_id).encode() for event in events}
    return [record for record in records if record.key in keys]


async def test_an_event_is_published_as_agreed(kafka: str, publisher: EventPublisher) -> None:
    event = an_event()

    await publisher.publish(event)

    (record,) = of([event], await read_all(kafka, APPOINTMENTS))
    assert decode(record.value) == event
    assert record.headers == (("content-type", b"application/cloudevents+json"),)


async def test_many_publish_at_once(kafka: str, publisher: EventPublisher) -> None:
    events = [an_event() for _ in range(200)]

    await asyncio.gather(*(publisher.publish(event) for event in events))

    found = of(events, await read_all(kafka, APPOINTMENTS))
    assert {decode(record.value).event_id for record in found} == {each.event_id for each in events}


async def test_publishing_without_kafka_fails_in_time() -> None:
    publisher = EventPublisher(NOBODY_LISTENS)
    begun = time.monotonic()

    answers = await asyncio.gather(
        *(publisher.publish(an_event()) for _ in range(10)), return_exceptions=True
    )

    assert {type(answer) for answer in answers} == {KafkaAway}
    assert time.monotonic() - begun < IN_TIME
    await publisher.stop()


async def test_publishing_goes_on_when_kafka_is_back(tmp_path: Path) -> None:
    ports = Ports()
    port, controller = ports.take(), ports.take()
    properties = await asyncio.to_thread(
        kafka_server.initialise, tmp_path / "kafka", port, controller
    )
    servers = kafka_server.address(port)
    publisher = EventPublisher(servers)

    async def published() -> bool:
        try:
            await publisher.publish(an_event())
        except KafkaAway:
            return False
        return True

    assert not await published()
    async with running(kafka_server.program(properties, port), tmp_path):
        await ensure_topics(servers)
        await until(published)
    begun = time.monotonic()
    assert not await published()
    assert time.monotonic() - begun < IN_TIME

    async with running(kafka_server.program(properties, port), tmp_path):
        await until(published)
        await publisher.stop()
    ports.release()


async def test_what_is_not_done_is_read_again(kafka: str, publisher: EventPublisher) -> None:
    event, group = an_event(), f"test-{uuid4()}"
    await publisher.publish(event)

    async def read_to(reader: EventReader) -> list[Record]:
        found: list[Record] = []
        while not of([event], found):
            found += await reader.read(at_most=50)
        return found

    first = EventReader(kafka, group)
    await first.start()
    records = await read_to(first)
    first.again(records)
    repeated = await read_to(first)
    await first.stop()
    second = EventReader(kafka, group)
    await second.start()
    by_another = await read_to(second)
    await second.done(by_another)
    await second.stop()

    assert {(r.partition, r.offset) for r in repeated} >= {
        (r.partition, r.offset) for r in of([event], records)
    }


async def test_every_event_is_started_and_bad_records_are_parked(
    kafka: str, publisher: EventPublisher
) -> None:
    events = [an_event() for _ in range(30)]
    writer, started = Writer(kafka), Started()
    for value in (b"{", b"{}", None, b"x" * (LONGEST_RECORD + 1)):
        await writer.write(APPOINTMENTS, key=b"bad", value=value, headers=[])
    for event in events:
        await publisher.publish(event)

    with capture_logs():
        async with taking_in(kafka, started, f"test-{uuid4()}"):
            await until(lambda: set(started.ids) >= {event.event_id for event in events})

            async def parked() -> bool:
                return len([r for r in await read_all(kafka, DEAD) if r.key == b"bad"]) >= 4

            await until(parked)
    await writer.stop()

    dead = [record for record in await read_all(kafka, DEAD) if record.key == b"bad"]
    reasons = [dict(record.headers)["reason"] for record in dead]
    assert sorted(reasons) == [b"not_a_cloudevent", b"not_json", b"not_json", b"too_large"]
    assert {dict(record.headers)["topic"] for record in dead} == {APPOINTMENTS.encode()}


async def test_what_the_rows_do_not_bear_out_reaches_nobody_and_is_parked_as_forged(
    kafka: str, publisher: EventPublisher
) -> None:
    lie, true, started = an_event(), an_event(), Started()
    proof, counted = Believing(away=1, liar=lie.patient_id), "priyom_notifier_events_total"
    before = REGISTRY.get_sample_value(counted, {"outcome": "forged"}) or 0
    await publisher.publish(lie)
    await publisher.publish(true)

    def is_counted() -> bool:
        return (REGISTRY.get_sample_value(counted, {"outcome": "forged"}) or 0) > before

    with capture_logs():
        async with taking_in(kafka, started, f"test-{uuid4()}", proof):
            await until(lambda: true.event_id in started.ids)
            await until(is_counted)

    key = str(lie.appointment_id).encode()
    assert {r.reason for r in await dead_records(kafka) if r.key == key} == {"forged"}
    assert lie.event_id not in started.ids


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (b"endless", b"x" * (2 * MEGABYTE), "too_large"),
        (b"endless key" + b"x" * (2 * MEGABYTE), b"x", "not_json"),
        (b"endless both" + b"x" * MEGABYTE, b"x" * MEGABYTE, "too_large"),
    ],
    ids=["value", "key", "both"],
)
async def test_a_record_of_two_megabytes_is_parked_while_others_flow(
    kafka: str, publisher: EventPublisher, key: bytes, value: bytes, reason: str
) -> None:
    await allow_long_records(kafka)
    producer = AIOKafkaProducer(bootstrap_servers=kafka, max_request_size=4 * MEGABYTE)
    await producer.start()
    await producer.send_and_wait(APPOINTMENTS, value, key=key)
    await producer.stop()
    event, started = an_event(), Started()
    await publisher.publish(event)

    def is_it(record: DeadRecord) -> bool:
        return record.key is not None and record.key[:12].rstrip(b"x") == key[:12].rstrip(b"x")

    with capture_logs():
        async with taking_in(kafka, started, f"test-{uuid4()}"):
            await until(lambda: event.event_id in started.ids)

            async def parked() -> bool:
                return any(is_it(each) for each in await dead_records(kafka))

            await until(parked)

    endless = next(each for each in await dead_records(kafka) if is_it(each))
    assert (endless.reason, endless.is_whole) == (reason, False)
    assert endless.size == len(key) + len(value)
    with pytest.raises(NotReplayable, match="cannot be replayed"):
        await replay(kafka, Writer(kafka), [endless.place])


async def test_a_dead_record_that_can_be_read_now_is_delivered_when_it_is_replayed(
    kafka: str,
) -> None:
    event, bad, started, writer = an_event(), uuid4().bytes, Started(), Writer(kafka)
    parked = [("reason", b"unknown_type"), ("size", str(len(encode(event))).encode())]
    await writer.write(DEAD, key=bad, value=encode(event), headers=parked)
    await writer.write(DEAD, key=bad, value=b"{", headers=[("reason", b"not_json")])

    dead = [record for record in await dead_records(kafka) if record.key == bad]
    listed = await show(kafka)
    with capture_logs():
        async with taking_in(kafka, started, f"test-{uuid4()}"):
            given = await give_again(kafka, [record.place for record in dead])
            await until(lambda: event.event_id in started.ids)

            async def parked_again() -> bool:
                keys = [record.key for record in await dead_records(kafka)]
                return keys.count(bad) == len(dead) + 1

            await until(parked_again)
    await writer.stop()

    assert [record.reason for record in dead] == ["unknown_type", "not_json"]
    assert {line.split()[0] for line in listed} >= {record.place for record in dead}
    assert given == [f"replayed {record.place}" for record in dead]


async def test_what_is_not_among_the_dead_cannot_be_replayed(kafka: str) -> None:
    with pytest.raises(NotReplayable, match="no such dead record"):
        await give_again(kafka, ["0:999999"])


async def allow_long_records(servers: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    limit = {"max.message.bytes": str(4 * MEGABYTE)}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, APPOINTMENTS, limit)])
    await admin.close()


async def test_nothing_is_lost_while_temporal_is_away(
    kafka: str, publisher: EventPublisher
) -> None:
    events = [an_event() for _ in range(5)]
    for event in events:
        await publisher.publish(event)
    started = Started(away=3)

    with capture_logs() as logs:
        async with taking_in(kafka, started, f"test-{uuid4()}"):
            await until(lambda: set(started.ids) >= {event.event_id for event in events})

    assert "events_not_taken" in {line["event"] for line in logs}


async def test_two_members_share_the_work_and_lose_nothing(
    kafka: str, publisher: EventPublisher
) -> None:
    group, started = f"test-{uuid4()}", Started()
    events = [an_event() for _ in range(40)]
    with capture_logs():
        async with taking_in(kafka, started, group):
            for event in events[:20]:
                await publisher.publish(event)
            async with taking_in(kafka, started, group):
                for event in events[20:]:
                    await publisher.publish(event)
                await until(lambda: set(started.ids) >= {event.event_id for event in events})

    assert set(started.ids) >= {event.event_id for event in events}


async def test_a_bug_is_not_waited_out(kafka: str, publisher: EventPublisher) -> None:
    class Broken(Started):
        async def start(self, event: AppointmentEvent) -> None:
            raise AssertionError(event.event_id)

    await publisher.publish(an_event())

    with capture_logs():
        async with taking_in(kafka, Broken(), f"test-{uuid4()}") as intake:
            with pytest.raises(AssertionError):
                await intake
