"""The audit with all that it looks at: a database of its own, real runs, and Kafka as a list."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from prometheus_client import CollectorRegistry
from temporalio import workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.audit import Audit
from adapters.kafka.events import KafkaAway
from adapters.postgres.database import Database
from adapters.process.audit_gauges import AuditGauges
from adapters.redis.cache import connect_redis
from adapters.temporal.client import priyom_plugin
from domain.actors import ActorRef
from domain.audit import AuditOrder
from domain.booking import CancelReason, Outcome, Result, Status
from domain.errors import TooLate
from domain.events import AppointmentEvent, booking_workflow_id, cancel_workflow_id
from stack.embedded import embedded_temporal
from tests.builders import an_appointment
from tests.clinic_rows import open_clinic
from tests.integration.audit_rows import Books
from tests.payload_keys import PAYLOAD_KEYS

ORDER = AuditOrder(settled_after_seconds=15)
RUNS = "runs-of-a-test"
NOBODY_WORKS_HERE = "nobody"


@workflow.defn(name="BookAppointment")
class StandIn:
    """A run in a booking's place: it waits for the word `confirm`, or for an activity, or ends.

    It ends as confirmed unless it is told to end otherwise.
    """

    def __init__(self) -> None:
        self._confirmed = False

    @workflow.run
    async def run(self, what: str) -> Result:
        if what == "waits":
            await workflow.wait_condition(lambda: self._confirmed)
        if what == "announces":
            await workflow.execute_activity(
                "publish_event",
                task_queue=NOBODY_WORKS_HERE,
                start_to_close_timeout=timedelta(minutes=5),
            )
        is_cancelled = what == "ends as cancelled"
        return Result(status=Status.CANCELLED if is_cancelled else Status.CONFIRMED)

    @workflow.update
    async def confirm(self) -> None:
        self._confirmed = True

    @workflow.update
    async def cancel(self, reason: str, _by: ActorRef | None = None) -> Outcome:
        """Given up for a mistake, refused for anything else."""
        self._confirmed = True
        given_up = an_appointment(appointment_id=UUID(int=1), status=Status.CANCELLED)
        refusal = None if reason == CancelReason.MISTAKE else TooLate().refusal
        return Outcome(attempt_id=UUID(int=2), appointment=given_up, refusal=refusal)


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
    ) -> WorkflowHandle[StandIn, Result]:
        run_id = cancel_workflow_id if cancels else booking_workflow_id
        return await self.client.start_workflow(
            StandIn.run, what, id=run_id(appointment_id), task_queue=RUNS
        )

    def gauge(self, name: str) -> float | None:
        return self.registry.get_sample_value(f"priyom_audit_{name}")


@asynccontextmanager
async def runs_of_a_test(folder: Path) -> AsyncIterator[Client]:
    """A Temporal server, and a worker for the stand-ins."""
    async with embedded_temporal(folder) as address:
        client = await Client.connect(address, plugins=[priyom_plugin(keys=PAYLOAD_KEYS)])
        async with Worker(
            client,
            task_queue=RUNS,
            workflows=[StandIn],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ):
            yield client
        del client
        gc.collect()


@asynccontextmanager
async def opened(scratch: Database, client: Client, cache_url: str) -> AsyncIterator[Office]:
    books = Books(clinic=await open_clinic(scratch))
    await books.nothing_yet()
    kafka, registry = FakeKafka(), CollectorRegistry()
    redis = connect_redis(cache_url, name="audit-test")
    gauges = AuditGauges(fade_after=timedelta(minutes=3))
    registry.register(gauges)
    audit = Audit(database=scratch, client=client, publisher=kafka, redis=redis, gauges=gauges)
    yield Office(books=books, client=client, kafka=kafka, audit=audit, registry=registry)
    await redis.aclose()
