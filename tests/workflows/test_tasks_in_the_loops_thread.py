"""The bookings' worker runs workflow tasks in its loop's own thread, by a switch of the SDK."""

import asyncio
import threading
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    Replayer,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from activities.announcements import Announcements
from activities.appointments import Appointments
from activities.slots import Slots
from adapters.kafka.events import EventPublisher
from adapters.postgres.database import connect_database
from adapters.postgres.days import DayBook
from adapters.redis.cache import connect_redis
from adapters.temporal.client import priyom_plugin
from tests.builders import a_request
from tests.payload_keys import PAYLOAD_KEYS
from tests.workflows.conftest import eventually
from tests.workflows.recordings import EVERY_WORKFLOW, of_today
from worker.bookings_worker import bookings_worker
from worker.sandbox import workflow_runner
from workflows.book_appointment import BookAppointment
from workflows.names import BOOKINGS

NOBODY_LISTENS = "127.0.0.1:1"
RECORDED = of_today()
THREADS: list[int] = []


class NotesItsThread(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002 - the SDK's name
        THREADS.append(threading.get_ident())
        return await super().execute_workflow(input)


class NotesThreads(Interceptor):
    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002, ARG002 - the SDK's name
    ) -> type[WorkflowInboundInterceptor]:
        return NotesItsThread


@pytest.fixture(autouse=True)
def no_threads_yet() -> None:
    THREADS.clear()


async def test_a_booking_is_run_in_the_loops_thread(temporal: WorkflowEnvironment) -> None:
    database = connect_database(f"postgresql://{NOBODY_LISTENS}/none", pool_size=1, name="test")
    redis = connect_redis(f"redis://{NOBODY_LISTENS}/0", name="test")
    worker = bookings_worker(
        temporal.client,
        slots=Slots(database),
        appointments=Appointments(database),
        announcements=Announcements(
            book=DayBook(database), redis=redis, publisher=EventPublisher(NOBODY_LISTENS)
        ),
        interceptors=[NotesThreads()],
    )
    loop = asyncio.get_running_loop()
    async with worker:
        run = await temporal.client.start_workflow(
            BookAppointment.run, a_request(), id=str(uuid4()), task_queue=BOOKINGS
        )
        await eventually(lambda: bool(THREADS))
        await run.terminate()

    assert set(THREADS) == {threading.get_ident()}
    assert asyncio.get_running_loop() is loop
    await redis.aclose()


async def test_every_history_replays_so() -> None:
    replayer = Replayer(
        workflows=EVERY_WORKFLOW,
        workflow_runner=workflow_runner(),
        interceptors=[NotesThreads()],
        debug_mode=True,
        plugins=[priyom_plugin(keys=PAYLOAD_KEYS)],
    )

    for path in RECORDED:
        await replayer.replay_workflow(WorkflowHistory.from_json(path.stem, path.read_text()))

    assert len(THREADS) >= len(RECORDED) > 20
    assert set(THREADS) == {threading.get_ident()}
