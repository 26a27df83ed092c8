"""The audit's checks on a real database, beside real runs; Kafka's place is taken by a list."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import workflow
from temporalio.client import (
    Client,
    ScheduleActionExecutionStartWorkflow,
    ScheduleHandle,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.audit import Audit
from adapters.audit_gauges import AuditGauges
from adapters.cache import CHANNEL, connect_redis
from adapters.kafka import KafkaAway
from adapters.temporal import priyom_plugin
from domain.audit import AuditOrder, AuditReport
from domain.events import AppointmentEvent, EventType, event_id
from stack.embedded import embedded_temporal
from tests.clinic_rows import at, open_clinic
from tests.integration.audit_rows import Books, scratch_database
from worker.audit_schedule import ensure_audits
from worker.workers import audits_worker
from workflows.audit_bookings import AuditBookings
from workflows.names import (
    AUDIT_SCHEDULE,
    AUDITS,
    booking_workflow_id,
    cancel_workflow_id,
)

ORDER = AuditOrder(settled_after_seconds=15)
RUNS = "runs-of-a-test"
NOBODY_WORKS_HERE = "nobody"


@workflow.defn(name="BookAppointment")
class StandIn:
    """A run in a booking's place: it waits for the word `confirm`, or for an activity, or ends."""

    def __init__(self) -> None:
        self._confirmed = False

    @workflow.run
    async def run(self, what: str) -> str:
        if what == "waits":
            await workflow.wait_condition(lambda: self._confirmed)
        if what == "announces":
            await workflow.execute_activity(
                "publish_event",
                task_queue=NOBODY_WORKS_HERE,
                start_to_close_timeout=timedelta(minutes=5),
            )
        return what

    @workflow.update
    async def confirm(self) -> None:
        self._confirmed = True


@dataclass
class FakeKafka:
    """Keeps what is published; away while told so."""

    events: list[AppointmentEvent] = field(default_factory=list)
    is_away: bool = False

    async def publish(self, event: AppointmentEvent) -> None:
        if self.is_away:
            raise KafkaAway("KafkaTimeoutError")
        self.events.append(event)


@dataclass(kw_only=True)
class Office:
    """The audit with all that it looks at."""

    books: Books
    client: Client
    kafka: FakeKafka
    audit: Audit
    registry: CollectorRegistry

    async def begin(
        self, appointment_id: UUID, what: str, *, cancels: bool = False
    ) -> WorkflowHandle[StandIn, str]:
        run_id = cancel_workflow_id if cancels else booking_workflow_id
        return await self.client.start_workflow(
            StandIn.run, what, id=run_id(appointment_id), task_queue=RUNS
        )

    def gauge(self, name: str) -> float | None:
        return self.registry.get_sample_value(f"priyom_audit_{name}")


@pytest.fixture(scope="module")
async def scratch(clinic_engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    async with scratch_database(clinic_engine) as engine:
        yield engine


@pytest.fixture(scope="module")
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    async with embedded_temporal(tmp_path_factory.mktemp("temporal")) as address:
        client = await Client.connect(address, plugins=[priyom_plugin()])
        async with Worker(
            client,
            task_queue=RUNS,
            workflows=[StandIn],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ):
            yield client
        del client
        gc.collect()


@pytest.fixture
async def office(scratch: AsyncEngine, temporal: Client, cache_url: str) -> AsyncIterator[Office]:
    books = Books(clinic=await open_clinic(scratch))
    await books.nothing_yet()
    kafka, registry = FakeKafka(), CollectorRegistry()
    redis = connect_redis(cache_url, name="audit-test")
    gauges = AuditGauges(fade_after=timedelta(minutes=3))
    registry.register(gauges)
    audit = Audit(engine=scratch, client=temporal, publisher=kafka, redis=redis, gauges=gauges)
    yield Office(books=books, client=temporal, kafka=kafka, audit=audit, registry=registry)
    await redis.aclose()


# Holds.


async def test_only_holds_without_a_living_run_are_released(office: Office) -> None:
    alive, terminated, unknown, over = [
        await office.books.held(clock) for clock in ("09:00", "09:30", "10:00", "10:30")
    ]
    await office.begin(alive, "waits")
    await (await office.begin(terminated, "waits")).terminate()
    await (await office.begin(over, "ends")).result()

    holds = await office.audit.release_orphaned_holds(ORDER)

    released = {each.appointment_id for each in holds.given_back}
    assert (holds.looked_at, released) == (4, {terminated, unknown, over})
    assert (await office.books.row(alive))["status"] == "held"
    assert (await office.books.row(terminated))["status"] == "expired"
    assert office.gauge("orphaned_holds") == 3


async def test_many_open_holds_are_looked_up_by_the_hundred(office: Office) -> None:
    clinic, monday = office.books.clinic, at("09:00") + timedelta(days=1)
    await clinic.on_duty(monday, monday + timedelta(days=5))
    appointments = [await clinic.hold(monday + n * timedelta(minutes=30)) for n in range(130)]
    for each in appointments:
        await office.books.turn_back(each)
    for each in appointments[:125]:
        await office.begin(each, "waits")

    holds = await office.audit.release_orphaned_holds(ORDER)

    released = {each.appointment_id for each in holds.given_back}
    assert (holds.looked_at, released) == (130, set(appointments[125:]))


async def test_a_lapsed_hold_is_expired_and_counted(office: Office) -> None:
    await office.books.held("09:00", lasts=timedelta(seconds=-10))

    once = await office.audit.expire_lapsed_holds()
    assert office.gauge("lapsed_holds") == 1
    again = await office.audit.expire_lapsed_holds()

    assert (len(once.given_back), len(again.given_back)) == (1, 0)
    assert office.gauge("lapsed_holds") == 0


# Events.


@pytest.mark.parametrize("end", ["terminated", "never known"])
async def test_the_event_of_a_run_that_is_gone_is_published_once_with_its_own_id(
    office: Office, end: str
) -> None:
    visit = await office.books.confirmed("09:00")
    if end == "terminated":
        await (await office.begin(visit, "waits")).terminate()

    events = await office.audit.announce_missing_events(ORDER)
    again = await office.audit.announce_missing_events(ORDER)

    assert [each.event_id for each in office.kafka.events] == [
        event_id(visit, 2, EventType.CONFIRMED)
    ]
    assert [each.appointment_id for each in events.published] == [visit]
    assert again.in_doubt == 0


async def test_both_events_of_a_visit_that_was_cancelled_are_published_in_their_order(
    office: Office,
) -> None:
    visit = await office.books.cancelled("09:00")

    await office.audit.announce_missing_events(ORDER)

    assert [each.event_id for each in office.kafka.events] == [
        event_id(visit, 2, EventType.CONFIRMED),
        event_id(visit, 3, EventType.CANCELLED),
    ]


async def test_a_run_that_is_announcing_is_left_alone(office: Office) -> None:
    visit = await office.books.confirmed("09:00")
    run = await office.begin(visit, "announces")
    await until_it_has_an_activity(run)

    events = await office.audit.announce_missing_events(ORDER)
    again = await office.audit.announce_missing_events(ORDER)

    assert (events.under_way, again.under_way) == (1, 1)
    assert office.kafka.events == []
    assert office.gauge("events_under_way") == 1
    assert office.gauge("unannounced_events") == 0


async def test_a_run_that_completed_has_announced_though_nobody_received_it_yet(
    office: Office,
) -> None:
    visit = await office.books.cancelled("09:00")
    await (await office.begin(visit, "ends")).result()
    await (await office.begin(visit, "ends", cancels=True)).result()

    events = await office.audit.announce_missing_events(ORDER)
    again = await office.audit.announce_missing_events(ORDER)

    assert (events.announced, again.in_doubt) == (2, 0)
    assert office.kafka.events == []


async def test_a_run_that_still_waits_is_told_that_its_patient_has_agreed(office: Office) -> None:
    visit = await office.books.confirmed("09:00")
    run = await office.begin(visit, "waits")

    events = await office.audit.announce_missing_events(ORDER)
    async with asyncio.timeout(10):
        await run.result()
    afterwards = await office.audit.announce_missing_events(ORDER)

    assert [each.appointment_id for each in events.reminded] == [visit]
    assert office.kafka.events == []
    assert (afterwards.announced, office.gauge("unannounced_events")) == (1, 0)


async def test_a_cancellation_never_waits_for_a_word(office: Office) -> None:
    visit = await office.books.cancelled("09:00")
    await office.books.received(visit, 2)
    await office.begin(visit, "waits", cancels=True)

    events = await office.audit.announce_missing_events(ORDER)

    assert (events.under_way, events.reminded, events.published) == (1, [], [])


async def test_a_run_that_no_worker_takes_holds_nobody_up(office: Office) -> None:
    stuck, gone = await office.books.confirmed("09:00"), await office.books.confirmed("09:30")
    run = await office.client.start_workflow(
        StandIn.run, "waits", id=booking_workflow_id(stuck), task_queue=NOBODY_WORKS_HERE
    )

    async with asyncio.timeout(10):
        events = await office.audit.announce_missing_events(ORDER)
    await run.terminate()

    assert [each.appointment_id for each in events.published] == [gone]
    assert [each.appointment_id for each in events.reminded] == [stuck]


async def test_a_run_that_was_reset_counts_as_its_last(office: Office) -> None:
    """Ended by force once, and running again under the same id."""
    visit = await office.books.confirmed("09:00")
    await (await office.begin(visit, "waits")).terminate()
    await (await office.begin(visit, "ends")).result()

    events = await office.audit.announce_missing_events(ORDER)

    assert events.announced == 1
    assert office.kafka.events == []


async def test_without_kafka_the_event_is_left_to_the_next_audit(office: Office) -> None:
    for clock in ("09:00", "09:30"):
        await office.books.confirmed(clock)
    office.kafka.is_away = True

    postponed = await office.audit.announce_missing_events(ORDER)
    alarm = office.gauge("unannounced_events")
    office.kafka.is_away = False
    published = await office.audit.announce_missing_events(ORDER)

    assert (postponed.postponed, alarm, len(published.published)) == (2, 2, 2)


# The whole audit.


@asynccontextmanager
async def working(office: Office) -> AsyncIterator[None]:
    async with audits_worker(office.client, audit=office.audit):
        yield


async def audited(office: Office) -> AuditReport:
    return await office.client.execute_workflow(
        AuditBookings.run, ORDER, id=f"audit-{uuid4()}", task_queue=AUDITS
    )


async def test_an_audit_mends_what_it_may_and_the_next_one_finds_nothing(
    office: Office, cache_url: str
) -> None:
    visit = await office.books.confirmed("09:00")
    lapsed = await office.books.held("09:30", lasts=timedelta(seconds=-10))
    orphan = await office.books.held("10:00")
    listener = connect_redis(cache_url, name="audit-listener")
    subscription = listener.pubsub()
    await subscription.subscribe(CHANNEL)

    async with working(office):
        first, second = [await audited(office) for _ in range(2)]

    assert set(first.mended) == {visit, lapsed, orphan}
    assert first.events_published == 1
    assert first.lapsed_holds_expired == 1
    assert first.orphaned_holds_released == 1
    assert first.days_refreshed
    assert second.mended == []
    told = [await subscription.get_message(timeout=5) for _ in range(4)]
    assert [each["type"] for each in told if each] == ["subscribe", *["message"] * 3]
    await subscription.aclose()  # type: ignore[no-untyped-call] # redis has no type for it
    await listener.aclose()


async def test_a_broken_row_fails_the_audit_until_somebody_has_mended_it(office: Office) -> None:
    clinic = office.books.clinic
    await clinic.execute("ALTER TABLE schedules DROP CONSTRAINT schedules_doctor_free")
    first = await office.books.confirmed("09:00")
    broken = await office.books.confirmed("09:10")

    async with working(office):
        failures = []
        for _ in range(2):
            with pytest.raises(WorkflowFailureError) as failed:
                await audited(office)
            failures.append(failed.value.cause)
            assert office.gauge("overlaps") == 1
        await clinic.becomes(broken, "cancelled")
        await audited(office)

    for failure in failures:
        assert isinstance(failure, ApplicationError)
        assert failure.type == "overlap"
        assert {str(first), str(broken)} <= set(failure.message.replace(":", "").split())
    assert office.gauge("overlaps") == 0
    await clinic.execute(
        "ALTER TABLE schedules ADD CONSTRAINT schedules_doctor_free EXCLUDE USING gist"
        " (practitioner_id WITH =, occupies WITH &&, visit_id WITH <>)"
    )


# The schedule.


async def test_many_workers_that_start_at_once_make_one_schedule(office: Office) -> None:
    await asyncio.gather(
        *(ensure_audits(office.client, every=timedelta(seconds=4)) for _ in range(8))
    )

    described = await office.client.get_schedule_handle(AUDIT_SCHEDULE).describe()
    assert [each.every for each in described.schedule.spec.intervals] == [timedelta(seconds=4)]
    assert len([each async for each in await office.client.list_schedules()]) <= 1


async def test_the_schedule_runs_audits_and_follows_the_setting(office: Office) -> None:
    handle = office.client.get_schedule_handle(AUDIT_SCHEDULE)
    await ensure_audits(office.client, every=timedelta(seconds=4))

    async with working(office), asyncio.timeout(30):
        run = await the_first_action_of(handle)
        report = await office.client.get_workflow_handle_for(AuditBookings.run, run).result()
    await ensure_audits(office.client, every=timedelta(seconds=60))

    assert report.mended == []
    [interval] = (await handle.describe()).schedule.spec.intervals
    assert interval.every == timedelta(seconds=60)


async def test_a_schedule_that_operations_paused_stays_paused(office: Office) -> None:
    handle = office.client.get_schedule_handle(AUDIT_SCHEDULE)
    await ensure_audits(office.client, every=timedelta(seconds=60))
    await handle.pause(note="while the database is moved")

    await ensure_audits(office.client, every=timedelta(seconds=60))

    state = (await handle.describe()).schedule.state
    assert (state.paused, state.note) == (True, "while the database is moved")
    await handle.delete()


async def until_it_has_an_activity(run: WorkflowHandle[StandIn, str]) -> None:
    async with asyncio.timeout(10):
        while not (await run.describe()).raw_description.pending_activities:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.02)


async def the_first_action_of(schedule: ScheduleHandle) -> str:
    """The id of the first run that it has started."""
    while True:
        for each in (await schedule.describe()).info.recent_actions:
            assert isinstance(each.action, ScheduleActionExecutionStartWorkflow)
            return each.action.workflow_id
        await asyncio.sleep(0.1)
