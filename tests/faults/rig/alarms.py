"""What makes each alert of ops/alerts.yaml true on a live stack; leaving the block heals it.

One fault may make two alerts true, and several faults may be there at once.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from aiokafka import AIOKafkaProducer
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle

from adapters.kafka.cloudevents import encode
from adapters.kafka.events import APPOINTMENTS
from tests.acceptance.conftest import Clinic
from tests.faults.rig.injectors import fill
from tests.messages import an_event

Fault = Callable[["Site"], AbstractAsyncContextManager[None]]
STEPS_OF_PLANS = 12
TASKS_A_STALL = 8
CONSTRAINTS = ("schedules_doctor_free", "schedules_patient_free")


class Site:
    """The stack that alerts are tried on."""

    def __init__(self, clinic: Clinic, temporal: Client, disk: Path) -> None:
        self.clinic = clinic
        self.temporal = temporal
        self.disk = disk
        """A small one, shown as a process shows that of its home."""

    async def connected(self, *, autocommit: bool = True) -> psycopg.AsyncConnection[object]:
        url = self.clinic.state["databaseUrl"] or ""
        return await psycopg.AsyncConnection.connect(url, autocommit=autocommit)

    async def execute(self, statement: str, *values: object) -> None:
        async with await self.connected() as connection:
            await connection.execute(statement.encode(), values or None)

    async def without_rules(self, statement: str, *values: object) -> None:
        """As a restore would leave it: no trigger and no foreign key looks."""
        async with await self.connected() as connection:
            await connection.execute("SET session_replication_role = replica")
            await connection.execute(statement.encode(), values or None)

    async def publish(self, *records: bytes) -> None:
        servers = self.clinic.state["kafkaBootstrapServers"]
        async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
            for each in records:
                await producer.send_and_wait(APPOINTMENTS, each, key=uuid4().bytes)

    async def booked(self) -> str:
        visit = await self.clinic.hold()
        assert (await self.clinic.confirm(visit)).status_code == 200
        return visit

    async def start(
        self, workflow: str, argument: object, queue: str
    ) -> WorkflowHandle[object, object]:
        return await self.temporal.start_workflow(
            workflow, argument, id=f"alarm-{uuid4()}", task_queue=queue
        )


@asynccontextmanager
async def again_and_again(
    ask: Callable[[], Awaitable[object]], every: float
) -> AsyncIterator[None]:
    """Ask while the block runs, whatever is answered."""

    async def asking() -> None:
        while True:
            with contextlib.suppress(Exception):
                await ask()
            await asyncio.sleep(every)

    task = asyncio.create_task(asking())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def without(name: str) -> Fault:
    def made(site: Site) -> AbstractAsyncContextManager[None]:
        return site.clinic.without(name)

    return made


@asynccontextmanager
async def overlapping(site: Site) -> AsyncIterator[None]:
    """Without the constraint that makes it impossible."""
    visit = await site.booked()
    kept = await site.clinic.rows(
        "SELECT conname, pg_get_constraintdef(oid) AS rule FROM pg_constraint"
        " WHERE conname = ANY(%s)",
        list(CONSTRAINTS),
    )
    for each in CONSTRAINTS:
        await site.execute(f"ALTER TABLE schedules DROP CONSTRAINT {each}")
    other = uuid4()
    await site.execute(
        "INSERT INTO schedules (id, patient_id, doctor_id, starts_at, ends_at, status)"
        " SELECT %s, %s, doctor_id, starts_at, ends_at, 'confirmed' FROM schedules WHERE id = %s",
        other,
        site.clinic.patient(),
        visit,
    )
    try:
        yield
    finally:
        await site.execute("UPDATE schedules SET status = 'cancelled' WHERE id = %s", other)
        for rule in kept:
            await site.execute(
                f"ALTER TABLE schedules ADD CONSTRAINT {rule['conname']} {rule['rule']}"
            )


@asynccontextmanager
async def a_visit_without_its_row(site: Site) -> AsyncIterator[None]:
    """As after a restore: the audit looks for them when the database's server has started."""
    visit = await site.booked()
    await site.without_rules("DELETE FROM schedules WHERE id = %s", visit)
    async with site.clinic.without("postgres"):
        pass
    try:
        yield
    finally:
        await site.temporal.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(
                namespace="default",
                workflow_execution=WorkflowExecution(workflow_id=f"appointment-{visit}"),
            )
        )


@asynccontextmanager
async def a_changed_trail(site: Site) -> AsyncIterator[None]:
    """A line that is sealed already."""
    change = (
        "UPDATE audit SET action = %s || substr(action, %s) WHERE id = (SELECT min(id) FROM audit)"
    )
    await site.execute(change, "x", 1)
    try:
        yield
    finally:
        await site.execute(change, "", 2)


@asynccontextmanager
async def an_overdue_hold(site: Site) -> AsyncIterator[None]:
    """Nobody ends it: its run is gone, and the audit is paused."""
    audit = site.temporal.get_schedule_handle("audit-bookings")
    await audit.pause()
    hold = await site.clinic.hold()
    await site.temporal.get_workflow_handle(f"appointment-{hold}").terminate()
    await site.execute(
        "UPDATE schedules SET held_until = clock_timestamp() - interval '1 minute' WHERE id = %s",
        hold,
    )
    try:
        yield
    finally:
        await audit.unpause()


@asynccontextmanager
async def an_event_that_waits(site: Site) -> AsyncIterator[None]:
    async with site.clinic.without("kafka"):
        await site.booked()
        yield


@asynccontextmanager
async def unread_events(site: Site) -> AsyncIterator[None]:
    """What nobody can read is parked when the notifier is back."""
    async with site.clinic.without("notifier"):
        await site.publish(*([b"no event"] * 150))
        yield


@asynccontextmanager
async def messages_under_way(site: Site) -> AsyncIterator[None]:
    visit = await site.booked()
    await site.execute(
        "INSERT INTO notifications (id, event_id, audience, channel, kind, status, appointment_id,"
        " doctor_id, starts_at, sequence, created_at) SELECT gen_random_uuid(),"
        " gen_random_uuid(), 'patient', 'sms', 'confirmed', 'sending', id, doctor_id, starts_at,"
        " 2, clock_timestamp() - interval '2 minutes' FROM schedules, generate_series(1, 25)"
        " WHERE id = %s",
        visit,
    )
    try:
        yield
    finally:
        await site.execute(
            "UPDATE notifications SET status = 'sent' WHERE appointment_id = %s", visit
        )


@asynccontextmanager
async def a_forged_event(site: Site) -> AsyncIterator[None]:
    """One is enough. It is healed by nothing more of it."""
    await site.publish(encode(an_event()))
    yield


@asynccontextmanager
async def refused_for_long(site: Site) -> AsyncIterator[None]:
    """Every hold is 503 without Temporal."""
    slot = await site.clinic.free_slot()

    async def ask() -> None:
        await site.clinic.book(slot)

    async with site.clinic.without("temporal"), again_and_again(ask, 0.1):
        yield


@asynccontextmanager
async def a_locked_table(site: Site) -> AsyncIterator[None]:
    """Everybody waits for the rows of one table, and soon for a connection."""

    async def ask() -> None:
        calls = [site.clinic.http.get(f"/api/v1/appointments/{uuid4()}") for _ in range(30)]
        await asyncio.gather(*calls, return_exceptions=True)

    async with await site.connected(autocommit=False) as connection:
        await connection.execute("SET statement_timeout = 0")
        await connection.execute("LOCK TABLE schedules IN ACCESS EXCLUSIVE MODE")
        async with again_and_again(ask, 0.1):
            yield
        await connection.rollback()


@asynccontextmanager
async def a_failing_task(site: Site) -> AsyncIterator[None]:
    """An input that no booking has: its task fails, and again later and later.

    So there are more of them: what is hours for the rule is a minute here.
    """
    runs: list[WorkflowHandle[object, object]] = []

    async def fail() -> None:
        runs.append(await site.start("BookAppointment", {"x": 1}, "bookings"))

    async with again_and_again(fail, 3):
        yield
    for run in runs:
        await run.terminate()


@asynccontextmanager
async def a_worker_that_sticks(site: Site) -> AsyncIterator[None]:
    """Its tasks wait for seconds; whenever it goes on for a moment it says for how long.

    The first tasks are handed to the calls that it had open, so they do not wait.
    """
    pid = site.clinic.pid("worker")
    assert pid is not None

    async def stall() -> None:
        os.kill(pid, signal.SIGSTOP)
        try:
            for _ in range(TASKS_A_STALL):
                await site.start("PublishShifts", {"horizon_days": 14}, "plans")
            await asyncio.sleep(2)
        finally:
            os.kill(pid, signal.SIGCONT)
        await asyncio.sleep(1.5)

    async with again_and_again(stall, 0):
        yield


@asynccontextmanager
async def a_full_worker(site: Site) -> AsyncIterator[None]:
    """Steps of plans wait for a table, and there is room for two.

    Each gives up after a while and comes again later: so there are more of them.
    """
    async with await site.connected(autocommit=False) as connection:
        await connection.execute("SET statement_timeout = 0")
        await connection.execute("LOCK TABLE plans IN ACCESS EXCLUSIVE MODE")
        runs = [
            await site.start("PublishShifts", {"horizon_days": 14}, "plans")
            for _ in range(STEPS_OF_PLANS)
        ]
        try:
            yield
        finally:
            await connection.rollback()
            for run in runs:
                with contextlib.suppress(Exception):
                    await run.terminate()


@asynccontextmanager
async def a_full_disk(site: Site) -> AsyncIterator[None]:
    ballast = await asyncio.to_thread(fill, site.disk)
    try:
        yield
    finally:
        ballast.unlink()


@asynccontextmanager
async def together(site: Site, alerts: Sequence[str]) -> AsyncIterator[None]:
    """The faults of all these alerts, each once."""
    async with AsyncExitStack() as stack:
        for fault in dict.fromkeys(FAULTS[each] for each in alerts):
            await stack.enter_async_context(fault(site))
        yield


FAULTS: dict[str, Fault] = {
    "VisitsLost": a_visit_without_its_row,
    "AppointmentsOverlap": overlapping,
    "TrailBroken": a_changed_trail,
    "EventsForged": a_forged_event,
    "MessagesUndelivered": messages_under_way,
    "DiskNearlyFull": a_full_disk,
    "WorkflowTasksFail": a_failing_task,
    "EventsLate": an_event_that_waits,
    "WorkersFull": a_full_worker,
    "IssuerSilent": without("api"),
    "HoldsOverdue": an_overdue_hold,
    "NotifierBehind": unread_events,
    "NobodyPolls": unread_events,
    "AnswersUnavailable": refused_for_long,
    "TemporalRefuses": refused_for_long,
    "PoolExhausted": a_locked_table,
    "AuditStale": without("worker"),
    "TasksWaitForWorkers": a_worker_that_sticks,
}

TOGETHER = (
    # Rows, records and runs that nobody mends. The first restarts PostgreSQL.
    (
        *("VisitsLost", "AppointmentsOverlap", "TrailBroken", "EventsForged"),
        *("MessagesUndelivered", "DiskNearlyFull", "WorkflowTasksFail"),
    ),
    ("EventsLate", "WorkersFull", "IssuerSilent"),
    ("HoldsOverdue", "NotifierBehind", "NobodyPolls"),
    ("AnswersUnavailable", "TemporalRefuses"),
    ("PoolExhausted", "AuditStale"),
    ("TasksWaitForWorkers",),
)
"""Faults that leave each other alone, in the order in which they are made."""
