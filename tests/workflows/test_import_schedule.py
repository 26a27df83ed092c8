"""An import: one step, tried until it is done; its run knows the id of the file alone."""

from uuid import UUID, uuid4

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tests.workflows.conftest import Record
from worker.sandbox import sandboxed_runner
from workflows.import_schedule import ImportSchedule
from workflows.names import PLANS


class Imports:
    """A file of nine rows; the database is away the first time."""

    def __init__(self) -> None:
        self.asked: list[UUID] = []

    @activity.defn
    async def import_rows(self, import_id: UUID) -> int:
        self.asked.append(import_id)
        if len(self.asked) == 1:
            raise ApplicationError("away")
        return 9


async def test_a_file_is_read_when_the_database_is_back(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    imports, import_id = Imports(), uuid4()
    async with Worker(
        temporal.client,
        task_queue=PLANS,
        workflows=[ImportSchedule],
        activities=[imports.import_rows],
        workflow_runner=sandboxed_runner(),
        max_cached_workflows=0,
    ):
        run = await temporal.client.start_workflow(
            ImportSchedule.run, import_id, id=f"import-{import_id}", task_queue=PLANS
        )
        rows = await run.result()

    assert rows == 9
    assert imports.asked == [import_id, import_id]
    await record("file-imported", run)
