"""Readiness asks for what a booking needs."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from adapters.kafka.events import APPOINTMENTS, ensure_topics
from adapters.postgres.database import Database, connect_database
from adapters.postgres.revision import NEEDED
from adapters.process import probes
from adapters.process.probes import ask_kafka, both_answer
from adapters.process.settings import Deployment, connections, product
from adapters.temporal.starts import STARTS
from tests.clinic_rows import Clinic
from tests.integration.audit_rows import scratch_database
from tests.integration.conftest import NOBODY_LISTENS, as_application
from worker.deployment import build_of
from worker.process import Process


async def at_last(ready: Callable[[], Awaitable[bool]]) -> bool:
    """A server of a busy machine may miss the second that it has: it is asked some times."""
    for _ in range(10):
        if await ready():
            return True
    return False


async def test_a_temporal_that_has_lost_the_namespace_is_not_ready(
    clinic: Clinic, stand_ins: Client
) -> None:
    """As one that began anew, or whose store is away while its front answers."""
    address = stand_ins.service_client.config.target_host
    nowhere = await Client.connect(address, namespace="lost")

    assert await at_last(partial(both_answer, stand_ins, clinic.database))
    assert not await both_answer(nowhere, clinic.database)
    del nowhere
    gc.collect()


async def test_a_temporal_that_reads_and_does_not_write_is_not_ready(
    clinic: Clinic, stand_ins: Client
) -> None:
    """As one whose disk is full."""
    full = RPCError("database or disk is full", RPCStatusCode.UNAVAILABLE, b"")
    with pytest.raises(RPCError), STARTS.one():
        raise full

    answers = [await both_answer(stand_ins, clinic.database)]
    with STARTS.one():
        pass  # there is room again
    answers.append(await at_last(partial(both_answer, stand_ins, clinic.database)))

    assert answers == [False, True]


@pytest.fixture
async def released(clinic_database: Database) -> AsyncIterator[Database]:
    """A database of its own: what stands in it of its migrations is changed."""
    async with scratch_database(clinic_database) as database:
        yield database


@pytest.mark.parametrize(("revision", "ready"), [("0001", False), (NEEDED, True), ("9999", True)])
async def test_a_process_is_ready_on_its_own_schema_or_a_later_one_and_on_no_earlier(
    released: Database, stand_ins: Client, revision: str, *, ready: bool
) -> None:
    """A release may start beside its migrations: until they are done its pods take no traffic."""
    async with released.lend() as owner:
        await owner.execute("UPDATE alembic_version SET version_num = %s", (revision,))

    async with connect_database(
        as_application(released.url), pool_size=1, name="application"
    ) as application:
        assert await at_last(partial(both_answer, stand_ins, application)) is ready


async def test_a_process_is_not_ready_before_the_first_migration(
    released: Database, stand_ins: Client
) -> None:
    async with released.lend() as owner:
        await owner.execute("DELETE FROM alembic_version")
        none_was_done = await both_answer(stand_ins, released)
        await owner.execute("DROP TABLE alembic_version")

    assert not none_was_done
    assert not await both_answer(stand_ins, released)


async def test_kafka_is_asked_for_the_topic_of_events(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "REQUEST_MS", 20_000)  # a busy broker has not lost its topics
    await ask_kafka(kafka)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.delete_topics([APPOINTMENTS])

    async with asyncio.timeout(20):
        while await has_the_topic(kafka):  # noqa: ASYNC110 - Kafka sets no event
            await asyncio.sleep(0.05)

    await ensure_topics(kafka)
    async with asyncio.timeout(20):
        while not await has_the_topic(kafka):  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.05)
    await admin.close()
    assert not await has_the_topic(NOBODY_LISTENS)


async def has_the_topic(kafka: str) -> bool:
    try:
        await ask_kafka(kafka)
    except (KafkaError, OSError):
        return False
    return True


@pytest.mark.parametrize(("promote", "ready"), [("off", True), ("on", False)])
async def test_a_build_that_others_make_current_is_ready_before_it_is(
    clinic: Clinic, stand_ins: Client, promote: str, *, ready: bool
) -> None:
    """Whoever makes it current waits for its workers to be ready."""
    process = Process(
        name="worker",
        servers=connections(),
        settings=product().model_copy(update={"promote": promote}),
        build=build_of(Deployment(deployment_name="never current", worker_build_id="1")),
        database=clinic.database,
        client=stand_ins,
    )

    assert await at_last(process.ready) is ready
