"""What a run's page in the Temporal UI says about it."""

from temporalio.api.sdk.v1 import WorkflowMetadata

from domain.booking import BookingRequest
from domain.errors import SlotTaken
from tests.builders import a_request
from tests.workflows.conftest import FrontDesk
from tests.workflows.test_budgets import TEN_MINUTES


async def details_of_run(desk: FrontDesk, request: BookingRequest) -> str:
    metadata: WorkflowMetadata = await desk.run_of(request).query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata
    )
    return metadata.current_details


async def test_a_held_run_says_until_when_it_waits(desk: FrontDesk) -> None:
    request = a_request()
    await desk.book(request)

    details = await details_of_run(desk, request)

    assert details.startswith("**held**: nobody else can take the slot")
    assert "Waiting for the patient to confirm." in details
    assert "held until" in details


async def test_a_lapse_is_an_end_and_not_a_refusal(desk: FrontDesk) -> None:
    request = a_request()
    await desk.book(request)
    await desk.pass_time(request, TEN_MINUTES)
    await desk.run_of(request).result()

    details = await details_of_run(desk, request)

    assert details.startswith("**expired**")
    assert "refusal" not in details


async def test_a_refused_run_names_its_code(desk: FrontDesk) -> None:
    request = a_request()
    desk.clinic.refuse("hold_slot", SlotTaken())
    await desk.book(request)
    await desk.run_of(request).result()

    assert "- refusal: `slot_taken`" in await details_of_run(desk, request)
