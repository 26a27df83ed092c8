"""A Temporal server with time skipping, and a worker over the clinic in memory."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment
from temporalio.worker import Interceptor, Worker

from adapters.temporal.client import TemporalConnection, priyom_plugin
from api.booking.runs import Runs
from domain.booking import Appointment, BookingRequest, Outcome, Result
from domain.events import (
    booking_workflow_id,
    cancel_workflow_id,
    reschedule_workflow_id,
    settle_workflow_id,
)
from stack.supplies.temporal_cli import temporal_cli
from tests.fakes.clinic import FakeClinic
from tests.payload_keys import PAYLOAD_KEYS
from tests.workflows.patience import Patience
from tests.workflows.recordings import keep, wanted_now
from worker.announced_at_once import answer_then_announce
from worker.eager_bookings import EagerBookings
from worker.sandbox import sandboxed_runner
from worker.waiters import Waiters
from workflows import names
from workflows.book_appointment import BookAppointment
from workflows.cancel_appointment import CancelAppointment
from workflows.reschedule_appointment import RescheduleAppointment
from workflows.settle_visit import SettleVisit

PATIENTLY = 60.0
"""Longer than any step takes on a busy machine: a test that waits so long has failed.

A workflow task that is lost comes again after ten seconds.
"""

SEARCH_ATTRIBUTES: list[SearchAttributeKey[Any]] = [
    names.DOCTOR_ID,
    names.PATIENT_ID,
    names.CLINIC_ID,
    names.ACTOR,
    names.APPOINTMENT_START,
    names.APPOINTMENT_STATUS,
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make histories` runs those tests that record something."""
    if wanted_now() is not None:
        items[:] = [each for each in items if "record" in getattr(each, "fixturenames", ())]


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    """Our own server; time passes only where a test asks for it."""
    environment = await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(enabled=False),
        dev_server_existing_path=str(temporal_cli()),
        dev_server_extra_args=[
            "--dynamic-config-value",
            "frontend.WorkflowTimeSkippingEnabled=true",
        ],
        search_attributes=SEARCH_ATTRIBUTES,
        identity="tests",
        plugins=[priyom_plugin(keys=PAYLOAD_KEYS)],
    )
    yield environment
    await environment.shutdown()
    gc.collect()


@dataclass
class FrontDesk:
    """What a test does to runs: the API's calls, the operator's, and the passing of time."""

    environment: WorkflowEnvironment
    clinic: FakeClinic
    runs: Runs

    def run_of(self, request: BookingRequest) -> WorkflowHandle[BookAppointment, Result]:
        return self.environment.client.get_workflow_handle_for(
            BookAppointment.run, booking_workflow_id(request.appointment_id)
        )

    async def book(self, request: BookingRequest) -> Outcome:
        return await self.runs.hold(request, summary="a test")

    async def pass_time(self, request: BookingRequest, duration: timedelta) -> None:
        await self.environment.fast_forward(self.run_of(request), duration)

    async def regular_activities(self, request: BookingRequest) -> list[str]:
        """Types of the activities that went through a task queue, in order."""
        history = await self.run_of(request).fetch_history()
        scheduled = (e.activity_task_scheduled_event_attributes for e in history.events)
        return [attributes.activity_type.name for attributes in scheduled if attributes.activity_id]

    async def accepted(self, request: BookingRequest, *, updates: int) -> None:
        """Wait until the run has accepted so many updates."""
        async with asyncio.timeout(PATIENTLY):
            found = 0
            while found < updates:
                history = await self.run_of(request).fetch_history()
                kinds = [event.event_type for event in history.events]
                found = kinds.count(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)

    async def status_attribute(self, request: BookingRequest) -> str | None:
        run = await self.run_of(request).describe()
        return run.typed_search_attributes.get(names.APPOINTMENT_STATUS)


Record = Callable[[str, WorkflowHandle[Any, Any]], Awaitable[WorkflowHistory]]


@pytest.fixture
def record() -> Record:
    """The history of a run; `make histories` keeps it under tests/histories if it is not there."""

    async def recorded(name: str, handle: WorkflowHandle[Any, Any]) -> WorkflowHistory:
        history = await handle.fetch_history()
        keep(name, history, wanted=wanted_now() or ())
        return history

    return recorded


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait for a condition; fail when it does not come true in time."""
    async with asyncio.timeout(PATIENTLY):
        while not holds():  # noqa: ASYNC110 - facts of a fake raise no event
            await asyncio.sleep(0.01)


@asynccontextmanager
async def working(
    client: Client,
    clinic: FakeClinic,
    *,
    interceptors: Sequence[Interceptor] = (Patience(),),
    executor: ThreadPoolExecutor | None = None,
) -> AsyncIterator[None]:
    """One worker for bookings and announcements; no cache, so that every task replays the run."""
    async with (
        Worker(
            client,
            task_queue=names.BOOKINGS,
            workflows=[BookAppointment, CancelAppointment, RescheduleAppointment, SettleVisit],
            activities=clinic.activities,
            workflow_runner=sandboxed_runner(),
            workflow_task_executor=executor,
            interceptors=interceptors,
            max_cached_workflows=0,
        ),
        Worker(client, task_queue=names.ANNOUNCEMENTS, activities=clinic.activities),
    ):
        yield


async def end_what_is_open(client: Client, clinic: FakeClinic) -> None:
    """All share a server and its queues: what is open would call the clinic of the next test.

    A hold lasts ten minutes, and a run whose command has been answered goes on to announce it.
    """

    async def end(workflow_id: str) -> None:
        with suppress(RPCError):  # there is no such run, or it has ended
            await client.get_workflow_handle(workflow_id).terminate()

    await asyncio.gather(*(end(each) for row in clinic.rows.values() for each in runs_about(row)))


def runs_about(row: Appointment) -> Iterator[str]:
    """The ids that the runs of its commands have, if there are any."""
    yield booking_workflow_id(row.appointment_id)
    yield cancel_workflow_id(row.appointment_id)
    for version in range(1, (row.version or 1) + 1):
        yield reschedule_workflow_id(row.appointment_id, version)
        yield settle_workflow_id(row.appointment_id, version)


@pytest.fixture
async def desk(temporal: WorkflowEnvironment) -> AsyncIterator[FrontDesk]:
    async with a_desk(temporal, Patience()) as desk:
        yield desk


@asynccontextmanager
async def a_desk(
    temporal: WorkflowEnvironment, *interceptors: Interceptor
) -> AsyncIterator[FrontDesk]:
    clinic = FakeClinic()
    async with working(temporal.client, clinic, interceptors=interceptors):
        yield FrontDesk(
            environment=temporal, clinic=clinic, runs=Runs(TemporalConnection(temporal.client))
        )
    await end_what_is_open(temporal.client, clinic)


@dataclass
class Beside:
    """An API with its own worker, and one without (`by_temporal`), each with its own client."""

    environment: WorkflowEnvironment
    clinic: FakeClinic
    bookings: EagerBookings
    runs: Runs
    by_temporal: Runs
    worker: AsyncExitStack
    heard: Waiters
    client: Client

    def run_of(self, request: BookingRequest) -> WorkflowHandle[BookAppointment, Result]:
        return self.environment.client.get_workflow_handle_for(
            BookAppointment.run, booking_workflow_id(request.appointment_id)
        )

    async def begun(self, request: BookingRequest) -> tuple[bool, int]:
        """Whether the run's first task came with the answer of its start; how many updates."""
        events = (await self.run_of(request).fetch_history()).events
        updates = [
            event
            for event in events
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
        ]
        start = events[0].workflow_execution_started_event_attributes
        return start.eager_execution_accepted, len(updates)

    def impatient(self) -> EagerBookings:
        """The same, who asks the run as well as soon as it has begun."""
        temporal = TemporalConnection(self.client)
        return EagerBookings(temporal, self.heard, heard_within=0)

    async def ended(self, request: BookingRequest) -> None:
        async with asyncio.timeout(PATIENTLY):
            await self.run_of(request).result()

    @asynccontextmanager
    async def another_worker(self) -> AsyncIterator[None]:
        async with working(await another_client(self.environment), self.clinic):
            yield


async def another_client(environment: WorkflowEnvironment) -> Client:
    config = environment.client.config()
    address = environment.client.service_client.config.target_host
    return await Client.connect(address, plugins=config["plugins"], identity="tests")


@pytest.fixture
async def beside(temporal: WorkflowEnvironment) -> AsyncIterator[Beside]:
    clinic, heard = FakeClinic(), Waiters()
    client = await another_client(temporal)
    bookings = EagerBookings(TemporalConnection(client), heard, heard_within=PATIENTLY)
    async with AsyncExitStack() as process:
        await process.enter_async_context(
            working(client, clinic, interceptors=[*answer_then_announce(heard, clinic), Patience()])
        )
        yield Beside(
            environment=temporal,
            clinic=clinic,
            bookings=bookings,
            runs=Runs(TemporalConnection(client), bookings),
            by_temporal=Runs(TemporalConnection(temporal.client)),
            worker=process,
            heard=heard,
            client=client,
        )
    await end_what_is_open(temporal.client, clinic)
