"""Forgetting old messages: one step, tried until it is done."""

from uuid import uuid4

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tests.workflows.conftest import Record
from worker.sandbox import sandboxed_runner
from workflows.forget_messages import ForgetMessages
from workflows.names import DELIVERIES


class Records:
    """Seven old records; the database is away the first time."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    @activity.defn
    async def forget_old_messages(self, days: int) -> int:
        self.asked.append(days)
        if len(self.asked) == 1:
            raise ApplicationError("away")
        return 7


async def test_old_messages_are_forgotten_when_the_database_is_back(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    records = Records()
    async with Worker(
        temporal.client,
        task_queue=DELIVERIES,
        workflows=[ForgetMessages],
        activities=[records.forget_old_messages],
        workflow_runner=sandboxed_runner(),
        max_cached_workflows=0,
    ):
        run = await temporal.client.start_workflow(
            ForgetMessages.run, 30, id=f"forget-{uuid4()}", task_queue=DELIVERIES
        )
        result = await run.result()

    assert result == 7
    assert records.asked == [30, 30]
    await record("messages-forgotten", run)
