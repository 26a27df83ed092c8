"""The booking process on a real Temporal server, time skipped, over the clinic in memory."""

from datetime import timedelta

from domain.booking import Result, Status
from domain.events import EventType
from tests.builders import a_request
from tests.workflows.conftest import FrontDesk

TEN_MINUTES = timedelta(minutes=10)


async def test_a_confirmed_booking_is_announced_once(desk: FrontDesk) -> None:
    request = a_request()

    held = await desk.book(request)
    confirmed = await desk.runs.confirm(request.appointment_id)

    assert held.appointment.status is Status.HELD
    assert confirmed.appointment.status is Status.CONFIRMED
    assert await desk.run_of(request).result() == Result(status=Status.CONFIRMED)
    assert [event.type for event in desk.clinic.events] == [EventType.CONFIRMED]
    assert desk.clinic.calls[:2] == ["hold_slot", "confirm_appointment"]
    assert sorted(desk.clinic.calls[2:]) == ["invalidate_schedule", "publish_event"]
