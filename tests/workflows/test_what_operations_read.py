"""What a run's page in the Temporal UI says about it."""

from uuid import uuid4

from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from api.booking.story import METADATA, runs_of
from domain.booking import BookingRequest, Result
from domain.errors import SlotTaken
from domain.events import booking_workflow_id
from tests.builders import a_request
from tests.messages import an_event
from tests.workflows.conftest import FrontDesk
from tests.workflows.providers import Providers, delivering
from tests.workflows.test_budgets import TEN_MINUTES
from workflows.book_appointment import BookAppointment
from workflows.details import STEPS


async def details_of_run(desk: FrontDesk, request: BookingRequest) -> str:
    return await details_of(desk.run_of(request))


async def details_of(run: WorkflowHandle[BookAppointment, Result]) -> str:
    metadata: WorkflowMetadata = await run.query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata
    )
    return metadata.current_details


async def steps_told(run: WorkflowHandle[BookAppointment, Result]) -> list[str]:
    """Without their times."""
    steps = (await details_of(run)).partition(STEPS)[2].splitlines()
    return [line.partition(" UTC ")[2] for line in steps if line]


async def test_a_held_run_says_until_when_it_waits(desk: FrontDesk) -> None:
    request = a_request()
    await desk.book(request)

    details = await details_of_run(desk, request)

    assert details.startswith("**held**: nobody else can take the slot")
    assert "Waiting for the patient to confirm." in details
    assert "held until" in details


async def test_a_run_tells_its_steps_and_who_delivers_its_news(desk: FrontDesk) -> None:
    request = a_request()
    await desk.book(request)
    await desk.run_of(request).execute_update("confirm", id="confirm")
    await desk.run_of(request).result()

    told = await steps_told(desk.run_of(request))

    assert told[:2] == ["hold the slot: done", "write the visit as confirmed: done"]
    assert told[2] == "show the change to everybody who looks at the day: done"
    assert told[3].startswith("tell patient and doctor: confirmed: done, delivered by the run `")
    assert len(told) == 4


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

    details = await details_of_run(desk, request)
    assert "- refusal: `slot_taken`" in details
    assert "hold the slot: refused, `slot_taken`" in details


async def test_a_run_that_no_worker_tells_of_is_told_by_its_head(
    temporal: WorkflowEnvironment,
) -> None:
    appointment_id = uuid4()
    await temporal.client.start_workflow(
        "BookAppointment", id=booking_workflow_id(appointment_id), task_queue="nobody-works-here"
    )

    [run] = await runs_of(temporal.client, appointment_id, None)

    assert (run.workflow_type, run.status) == ("BookAppointment", "running")
    assert run.details is None


async def test_a_delivery_names_the_booking_that_it_is_about(temporal: WorkflowEnvironment) -> None:
    event = an_event()
    async with delivering(temporal, Providers()) as deliveries:
        await deliveries.start(event)
        run = temporal.client.get_workflow_handle(str(event.event_id))
        await run.result()
        metadata: WorkflowMetadata = await run.query(METADATA, result_type=WorkflowMetadata)

    assert f"appointment `{event.appointment_id}`" in metadata.current_details
    assert f"run `{booking_workflow_id(event.appointment_id)}`" in metadata.current_details
