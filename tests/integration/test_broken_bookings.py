"""`priyom why` on bookings that are broken, each by another fault, on real servers: one command."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from adapters.kafka.events import APPOINTMENTS, DEAD, GROUP
from adapters.postgres.days import DayBook
from adapters.redis.cache import DayReader, connect_redis
from api.console.__main__ import parsed
from api.console.known import Servers
from tests.builders import SECRET
from tests.clinic_rows import DAY, Clinic, at
from tests.integration.audit_office import RUNS, StandIn
from tests.integration.audit_rows import Books
from tests.integration.conftest import NOBODY_LISTENS
from tests.patience import patient_cache
from workflows.names import APPOINTMENT_START, CLINIC_ID, DOCTOR_ID, PATIENT_ID


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A clinic whose bookings go wrong."""

    clinic: Clinic
    servers: Servers
    temporal: Client

    async def why(self, visit: UUID, servers: Servers | None = None) -> str:
        order = parsed(["why", str(visit)])
        return "\n".join(await order.do(servers or self.servers, order))

    async def run(self, visit: UUID, what: str) -> None:
        about = TypedSearchAttributes(
            [
                SearchAttributePair(PATIENT_ID, str(uuid4())),
                SearchAttributePair(DOCTOR_ID, str(self.clinic.doctor_id)),
                SearchAttributePair(CLINIC_ID, str(self.clinic.id)),
                SearchAttributePair(APPOINTMENT_START, at("09:00")),
            ]
        )
        run = await self.temporal.start_workflow(
            StandIn.run,
            what,
            id=f"appointment-{visit}",
            task_queue=RUNS,
            search_attributes=about,
        )
        if what.startswith("ends"):
            await run.result()

    async def confirmed(self) -> UUID:
        """A visit whose run has ended as it should."""
        visit = await Books(clinic=self.clinic).confirmed("09:00")
        await self.run(visit, "ends")
        return visit

    async def message(self, visit: UUID, audience: str, channel: str, status: str) -> None:
        await self.clinic.execute(
            "INSERT INTO notifications (id, event_id, audience, channel, kind, status, error,"
            " appointment_id, doctor_id, starts_at, sequence, sent_at)"
            " SELECT gen_random_uuid(), gen_random_uuid(), :audience, :channel, 'confirmed',"
            " :status, CASE WHEN :status = 'failed' THEN 'smtp_550' END, id, doctor_id, starts_at,"
            " 2, clock_timestamp() FROM schedules WHERE id = :id",
            id=visit,
            audience=audience,
            channel=channel,
            status=status,
        )

    async def record(self, place: str, visit: UUID, **headers: str) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.servers.kafka) as producer:
            told = [(name, value.encode()) for name, value in headers.items()]
            await producer.send_and_wait(place, b"{}", key=str(visit).encode(), headers=told)


@pytest.fixture
async def scene(
    clinic: Clinic, cache_url: str, stand_ins: Client, kafka: str
) -> AsyncIterator[Scene]:
    redis = connect_redis(cache_url, name="broken-bookings")
    servers = Servers(
        database=clinic.database, temporal=stand_ins, redis=redis, kafka=kafka, secret=SECRET
    )
    await everything_is_read(kafka)
    yield Scene(clinic=clinic, servers=servers, temporal=stand_ins)
    await redis.aclose()


async def everything_is_read(kafka: str) -> None:
    """As if the notifier had kept up."""
    async with AIOKafkaConsumer(
        APPOINTMENTS, bootstrap_servers=kafka, group_id=GROUP, enable_auto_commit=False
    ) as consumer:
        while not consumer.assignment():  # noqa: ASYNC110 - the group raises no event
            await asyncio.sleep(0.05)
        await consumer.commit(await consumer.end_offsets(consumer.assignment()))


async def row_lost(scene: Scene) -> UUID:
    visit = uuid4()
    await scene.run(visit, "ends")
    return visit


async def run_of_a_hold_lost(scene: Scene) -> UUID:
    return await scene.clinic.hold(at("09:00"))


async def hold_past_its_deadline(scene: Scene) -> UUID:
    return await scene.clinic.hold(at("09:00"), lasts=timedelta(minutes=-1))


async def event_not_published(scene: Scene) -> UUID:
    visit = await Books(clinic=scene.clinic).confirmed("09:00")
    await scene.run(visit, "announces")
    return visit


async def event_lost(scene: Scene) -> UUID:
    visit = await scene.confirmed()
    await scene.clinic.execute(
        "INSERT INTO events_in_doubt (appointment_id, sequence, kind) VALUES (:id, 2, 'confirmed')",
        id=visit,
    )
    return visit


async def notifier_behind(scene: Scene) -> UUID:
    visit = await scene.confirmed()
    await scene.record(APPOINTMENTS, visit)
    return visit


async def dead_letter(scene: Scene) -> UUID:
    visit = await scene.confirmed()
    headers = {"reason": "forged", "topic": APPOINTMENTS, "partition": "0", "offset": "0"}
    await scene.record(DEAD, visit, size="2", **headers)
    return visit


async def letter_failed(scene: Scene) -> UUID:
    visit = await scene.confirmed()
    await scene.message(visit, "doctor", "inbox", "sent")
    await scene.message(visit, "patient", "email", "failed")
    return visit


async def notice_under_way(scene: Scene) -> UUID:
    visit = await scene.confirmed()
    await scene.message(visit, "doctor", "inbox", "sending")
    return visit


async def stale_cache(scene: Scene) -> UUID:
    visit = await scene.confirmed()
    reader = DayReader(DayBook(scene.clinic.database), patient_cache(scene.servers.redis))
    await reader.read(scene.clinic.doctor_id, DAY)
    await reader.close()
    await scene.clinic.book(at("10:00"))
    return visit


async def run_ended_by_force(scene: Scene) -> UUID:
    visit = await Books(clinic=scene.clinic).confirmed("09:00")
    await scene.run(visit, "waits")
    await scene.temporal.get_workflow_handle(f"appointment-{visit}").terminate()
    return visit


BROKEN: dict[str, tuple[Callable[[Scene], Awaitable[UUID]], str]] = {
    "the row is lost": (row_lost, "its row is lost: the database was restored"),
    "the run of a hold is lost": (run_of_a_hold_lost, "No run waits for the patient any more"),
    "a hold is past its deadline": (
        hold_past_its_deadline,
        "It has lapsed: the patient did not confirm by",
    ),
    "the event is not published": (event_not_published, "still about to publish the event"),
    "the event is lost": (event_lost, "the next audit publishes it again"),
    "the notifier is behind": (notifier_behind, "the notifier has 1 event yet to read"),
    "the event is a dead letter": (dead_letter, "its event is a dead letter, for forged"),
    "a letter failed": (letter_failed, "letter to the patient failed: smtp_550"),
    "the doctor's notice is stuck": (notice_under_way, "the notice is sending"),
    "the cache is stale": (stale_cache, "an older version, which no reader is given"),
    "the run was ended by force": (run_ended_by_force, "has terminated: look at it"),
}


@pytest.mark.parametrize("fault", BROKEN)
async def test_one_command_says_what_is_the_matter(scene: Scene, fault: str) -> None:
    broken, sentence = BROKEN[fault]
    visit = await broken(scene)

    said = await scene.why(visit)

    others = {words for _, words in BROKEN.values()} - {sentence}
    assert sentence in said
    assert not {words for words in others if words in said}, said


async def test_without_kafka_the_same_command_says_that(scene: Scene) -> None:
    visit = await scene.confirmed()
    servers = Servers(**{**vars(scene.servers), "kafka": NOBODY_LISTENS})

    said = await scene.why(visit, servers)

    assert "Kafka does not answer; the event follows when it is back." in said
