"""Metrics of a process beside real servers: the SDK's own, and what is counted from the rows."""

import asyncio
import gc
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from prometheus_client import REGISTRY, CollectorRegistry
from temporalio.client import Client

from adapters.kafka.lag import UNREAD, keep_measuring_lag, lag_of
from adapters.postgres.access_gauges import AccessGauges, keep_measuring
from adapters.postgres.booking_gauges import BookingGauges, keep_counting
from adapters.postgres.database import Database, connect_database
from adapters.postgres.seeing import Sees
from adapters.temporal.sdk_metrics import SdkMetrics
from tests.clinic_rows import at, open_clinic
from tests.integration.audit_office import Office
from tests.integration.audit_rows import scratch_database
from tests.integration.conftest import NOBODY_LISTENS


async def test_the_sdk_counts_by_the_names_of_prometheus(stand_ins: Client) -> None:
    sdk = SdkMetrics()
    sdk.switch_on()
    address = stand_ins.service_client.config.target_host
    client = await Client.connect(address, runtime=sdk.runtime())
    await client.count_workflows()

    shown = await sdk.text()

    assert sdk.runtime() is sdk.runtime(), "one runtime a process"
    assert b"temporal_request_total{" in shown
    assert b"temporal_request_latency_seconds_bucket{" in shown
    del client
    gc.collect()


async def test_a_process_whose_core_does_not_answer_shows_its_own_figures() -> None:
    sdk = SdkMetrics()
    sdk._url = f"http://{NOBODY_LISTENS}/metrics"  # noqa: SLF001 - as of a core that is stuck

    assert await sdk.text() == b""


async def test_bookings_are_counted_from_their_rows(office: Office) -> None:
    registry, gauges = CollectorRegistry(), BookingGauges()
    registry.register(gauges)
    clinic = office.books.clinic
    await clinic.hold(at("09:00"))
    await clinic.execute(
        "UPDATE schedules SET status = 'confirmed', confirmed_at = created_at + interval '40 s'"
        " WHERE id = :id",
        id=await clinic.hold(at("10:00")),
    )
    counting = asyncio.create_task(keep_counting(clinic.database, gauges, every=0.05))

    async with asyncio.timeout(20):
        while registry.get_sample_value("priyom_holds") is None:  # noqa: ASYNC110 - no event is set
            await asyncio.sleep(0.02)

    counting.cancel()
    median = registry.get_sample_value("priyom_hold_to_confirm_seconds", {"quantile": "0.5"})
    assert registry.get_sample_value("priyom_holds") == 1
    assert registry.get_sample_value("priyom_bookings_ended", {"end": "confirmed"}) == 1
    assert median == 40


async def test_counting_goes_on_when_the_database_was_away(office: Office) -> None:
    registry, gauges = CollectorRegistry(), BookingGauges()
    registry.register(gauges)
    database = Returning(office.books.clinic.database)
    counting = asyncio.create_task(keep_counting(database, gauges, every=0.05))

    async with asyncio.timeout(20):
        while registry.get_sample_value("priyom_holds") is None:  # noqa: ASYNC110 - no event is set
            await asyncio.sleep(0.02)

    counting.cancel()
    assert database.was_away


async def test_how_soon_a_patient_is_seen_is_measured_from_shifts_and_visits(
    clinic_database: Database,
) -> None:
    registry, gauges = CollectorRegistry(), AccessGauges()
    registry.register(gauges)
    specialty = {"specialty": "surgeon"}
    async with scratch_database(clinic_database) as database:
        clinic = await open_clinic(database)
        tomorrow = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
        await clinic.on_duty(tomorrow, tomorrow + timedelta(hours=2))
        await clinic.book(tomorrow + timedelta(minutes=30))
        measuring = asyncio.create_task(keep_measuring(Returning(database), gauges, every=0.05))

        def third() -> float | None:
            return registry.get_sample_value("priyom_third_next_free_seconds", specialty)

        await until(lambda: third() is not None)
        measuring.cancel()

    expected = (tomorrow + timedelta(minutes=90) - datetime.now(UTC)).total_seconds()
    assert math.isclose(third() or 0, expected, abs_tol=60)
    assert registry.get_sample_value("priyom_utilisation_ratio") == 0.25


async def test_events_that_nobody_can_count_are_no_number() -> None:
    UNREAD.set(7)
    measuring = asyncio.create_task(
        keep_measuring_lag(NOBODY_LISTENS, group="g", topic="t", every=0.05)
    )

    await until(lambda: math.isnan(REGISTRY.get_sample_value("priyom_events_unread") or 0))

    measuring.cancel()
    assert not measuring.done()


async def test_events_are_unread_also_where_the_group_has_not_begun(kafka: str) -> None:
    topic, group = f"unread-{uuid4()}", f"group-{uuid4()}"
    await made_with_three_partitions(kafka, topic)
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for partition in (0, 0, 1, 2, 2):
            await producer.send_and_wait(topic, b"event", partition=partition)
    async with AIOKafkaConsumer(
        bootstrap_servers=kafka, group_id=group, enable_auto_commit=False
    ) as reader:
        reader.assign([TopicPartition(topic, 0)])
        await reader.commit({TopicPartition(topic, 0): 1})

    unread = await lag_of(kafka, group=group, topic=topic, within=30)

    assert unread == 4


async def made_with_three_partitions(kafka: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=3, replication_factor=1)])
    await admin.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - no event is set
            await asyncio.sleep(0.02)


class Returning(Database):
    """Nobody listens where it looks first."""

    def __init__(self, there: Database) -> None:
        nowhere = f"postgresql://nobody@{NOBODY_LISTENS}/none"
        away = connect_database(nowhere, pool_size=1, name="away", statement_seconds=0.2)
        super().__init__(there.url, there.pool)
        self._away = away
        self.was_away = False

    def lend(self, sees: Sees | None = None) -> Any:
        if self.was_away:
            return super().lend(sees)
        self.was_away = True
        return self._away.lend(sees)
