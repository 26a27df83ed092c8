"""Publishing shifts: one step, tried until it is done, that says what it changed."""

from uuid import uuid4

from temporalio import activity
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from api.booking.story import METADATA
from domain.plan import Published, PublishOrder
from tests.workflows.conftest import Record
from worker.sandbox import sandboxed_runner
from workflows.names import PLANS
from workflows.publish_shifts import PublishShifts

ORDER = PublishOrder(horizon_days=90, clinic_id=uuid4())
DONE = Published(doctors=3, changed=2, shifts=40)


class Shifts:
    """Three doctors' plans; the database is away the first time."""

    def __init__(self) -> None:
        self.asked: list[PublishOrder] = []

    @activity.defn
    async def publish_shifts(self, order: PublishOrder) -> Published:
        self.asked.append(order)
        if len(self.asked) == 1:
            raise ApplicationError("away")
        return DONE


async def test_shifts_are_published_when_the_database_is_back(
    temporal: WorkflowEnvironment, record: Record
) -> None:
    shifts = Shifts()
    async with Worker(
        temporal.client,
        task_queue=PLANS,
        workflows=[PublishShifts],
        activities=[shifts.publish_shifts],
        workflow_runner=sandboxed_runner(),
        max_cached_workflows=0,
    ):
        run = await temporal.client.start_workflow(
            PublishShifts.run, ORDER, id=f"publish-{uuid4()}", task_queue=PLANS
        )
        result = await run.result()
        shown = await run.query(METADATA, result_type=WorkflowMetadata)

    assert result == DONE
    assert shifts.asked == [ORDER, ORDER]
    assert "- doctors with a plan: 3\n- whose time changed: **2**" in shown.current_details
    await record("shifts-published", run)
