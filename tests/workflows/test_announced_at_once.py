"""A booking beside its worker: announced by the step that confirms it, or else by its run."""

import pytest

from domain.booking import BookingRequest, Status
from tests.builders import a_request
from tests.workflows.conftest import Beside, Record
from tests.workflows.test_announced_locally import BOTH, costs_at_most, published_once, queued
from tests.workflows.test_what_operations_read import steps_told
from workflows.names import ANNOUNCEMENTS


async def confirmed(beside: Beside) -> BookingRequest:
    request = a_request()
    await beside.runs.hold(request, summary="a test")
    await beside.runs.confirm(request.appointment_id)
    await beside.ended(request)
    return request


async def test_a_visit_is_announced_once_by_the_step_that_confirms_it(
    beside: Beside, record: Record
) -> None:
    request = await confirmed(beside)

    history = await record("confirmed-at-once", beside.run_of(request))

    assert beside.clinic.calls == ["hold_slot", "confirm_appointment", *BOTH]
    assert published_once(beside.clinic, request)
    assert queued(history) == []
    assert costs_at_most(history, actions=6, events=15, workflow_tasks=2)


async def test_its_page_tells_the_same_steps(beside: Beside) -> None:
    request = await confirmed(beside)

    told = await steps_told(beside.run_of(request))

    assert told[:3] == [
        "hold the slot: done",
        "write the visit as confirmed: done",
        "show the change to everybody who looks at the day: done",
    ]
    assert told[3].startswith("tell patient and doctor: confirmed: done, delivered by the run `")


@pytest.mark.parametrize("away", BOTH)
async def test_what_the_step_could_not_announce_goes_by_the_queue(
    beside: Beside, record: Record, away: str
) -> None:
    beside.clinic.break_down(away, times=3)

    request = await confirmed(beside)

    history = await record(f"confirmed-without-{away}", beside.run_of(request))
    assert sorted(queued(history)) == [(each, ANNOUNCEMENTS) for each in BOTH]
    assert beside.clinic.rows[request.appointment_id].status is Status.CONFIRMED
    assert published_once(beside.clinic, request)
    assert beside.clinic.shown


async def test_a_visit_confirmed_by_another_process_is_announced_there(beside: Beside) -> None:
    request = a_request()
    await beside.runs.hold(request, summary="a test")
    await beside.by_temporal.confirm(request.appointment_id)
    await beside.ended(request)

    assert published_once(beside.clinic, request)
