"""What a hold was asked for with is in its run's memo: a key leads to the same body alone."""

import pytest

from domain.booking import BookingRequest, Terms
from domain.events import booking_workflow_id
from tests.builders import a_request
from tests.workflows.conftest import FrontDesk, eventually
from workflows.book_appointment import BookAppointment
from workflows.names import ATTEMPT_ID, BOOKINGS, TERMS
from workflows.starting import labels_of_booking


@pytest.mark.parametrize(
    "request_",
    [a_request(), a_request(overbook=True, reason="mistake")],
    ids=["a patient's", "on top of others"],
)
async def test_a_run_tells_what_its_hold_was_asked_for_with(
    desk: FrontDesk, request_: BookingRequest
) -> None:
    await desk.book(request_)

    known = await desk.runs.summary(request_.appointment_id)

    assert known.terms == Terms(overbook=request_.overbook, reason=request_.reason)


async def test_a_run_of_an_older_build_does_not_tell(desk: FrontDesk) -> None:
    request = a_request()
    labels = labels_of_booking(request, summary="a test")
    assert TERMS in labels["memo"]
    labels["memo"] = {ATTEMPT_ID: str(request.attempt_id)}
    await desk.environment.client.start_workflow(
        BookAppointment.run,
        request,
        id=booking_workflow_id(request.appointment_id),
        task_queue=BOOKINGS,
        **labels,
    )

    known = await desk.runs.summary(request.appointment_id)

    assert (known.attempt_id, known.terms) == (request.attempt_id, None)
    await eventually(lambda: request.appointment_id in desk.clinic.rows)  # and not a later test's
