"""Bookings that are begun beside their worker, and what the API does where that fails."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.exceptions import WorkflowAlreadyStartedError

import adapters.direct_line
import worker.eager_bookings
from api.booking.temporal_errors import NoRun
from domain.booking import BookingRequest, Status
from domain.errors import HoldExpired, SlotTaken
from tests.builders import a_request
from tests.workflows.conftest import Beside, another_client, eventually
from worker.eager_bookings import EagerBookings
from worker.waiters import Waiters
from workflows.names import booking_workflow_id


def a_wish() -> BookingRequest:
    return a_request(announces_locally=True)


async def test_a_booking_goes_by_the_line_from_its_hold_to_its_confirmation(
    beside: Beside,
) -> None:
    request = a_wish()

    held = await beside.runs.hold(request, summary="a test")
    begun = await beside.begun(request)
    confirmed = await beside.runs.confirm(request.appointment_id)

    assert begun == (True, 0), "its first task came with the start, and nobody asked it"
    assert held.attempt_id == confirmed.attempt_id == request.attempt_id
    assert held.appointment.status is Status.HELD
    assert confirmed.appointment == beside.clinic.rows[request.appointment_id]
    await beside.ended(request)
    assert await beside.begun(request) == (True, 1), "the confirmation is asked for once"
    assert len(beside.clinic.events) == 1


async def test_what_the_line_answers_is_what_the_run_answers(beside: Beside) -> None:
    request = a_wish()

    held = await beside.bookings.hold(request, summary="a test")
    by_the_run = await beside.by_temporal.hold(replace(request, attempt_id=uuid4()), summary="")
    confirmed = await beside.bookings.confirm(request.appointment_id)

    assert held == by_the_run
    assert confirmed == await beside.by_temporal.confirm(request.appointment_id)


async def test_a_refusal_is_answered_as_the_run_does(beside: Beside) -> None:
    first, second = a_wish(), a_request(patient_id=uuid4(), announces_locally=True)
    await beside.bookings.hold(first, summary="a test")

    lost = await beside.bookings.hold(second, summary="a test")

    assert lost is not None
    assert lost.refusal is not None
    assert lost.refusal.code == SlotTaken.code
    run = beside.environment.client.get_workflow_handle(booking_workflow_id(second.appointment_id))
    is_written = (await run.describe()).status is WorkflowExecutionStatus.COMPLETED
    assert is_written, "a refusal has no row: it is told when its run has ended"
    assert (await beside.begun(second))[0]
    assert (await beside.begun(second))[1] == 0


async def test_a_run_that_is_there_already_answers_as_it_did_to_the_first(beside: Beside) -> None:
    request = a_wish()
    first = await beside.runs.hold(request, summary="a test")
    again = replace(request, attempt_id=uuid4())

    with pytest.raises(WorkflowAlreadyStartedError):
        await beside.bookings.hold(again, summary="a test")
    outcome = await beside.runs.hold(again, summary="a test")

    assert outcome == first
    assert beside.clinic.calls == ["hold_slot"]


async def test_twenty_at_once_with_one_key_have_one_run_and_one_answer(beside: Beside) -> None:
    request = a_wish()

    outcomes = await asyncio.gather(
        *(
            beside.runs.hold(replace(request, attempt_id=uuid4()), summary="a test")
            for _ in range(20)
        )
    )

    assert len(set(outcomes)) == 1
    assert beside.clinic.calls == ["hold_slot"]


async def test_a_run_that_another_process_works_on_is_not_answered_here(beside: Beside) -> None:
    request = a_wish()
    elsewhere = EagerBookings(await another_client(beside.environment), Waiters())

    unknown = await elsewhere.hold(request, summary="a test")
    outcome = await beside.runs.hold(replace(request, attempt_id=uuid4()), summary="a test")

    assert unknown is None
    assert (outcome.attempt_id, outcome.appointment.status) == (request.attempt_id, Status.HELD)


async def test_a_slow_hold_is_asked_after_in_temporal(
    beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker.eager_bookings, "HEARD_WITHIN_SECONDS", 0.1)
    request = a_wish()
    database = beside.clinic.close_gate("hold_slot")

    holding = asyncio.create_task(beside.runs.hold(request, summary="a test"))
    await eventually(lambda: "hold_slot" in beside.clinic.waiting)
    await eventually(lambda: not vars(beside.heard)["_waiting"])
    database.set()

    assert (await holding).appointment.status is Status.HELD
    assert await beside.begun(request) == (True, 1), "the hold was asked after once"


async def test_a_confirmation_is_answered_while_kafka_hangs(beside: Beside) -> None:
    request = a_wish()
    await beside.bookings.hold(request, summary="a test")
    kafka_is_back = beside.clinic.close_gate("publish_event")

    confirmed = await beside.bookings.confirm(request.appointment_id)

    assert confirmed is not None
    assert confirmed.appointment.status is Status.CONFIRMED
    assert vars(beside.bookings)["_confirming"], "the run itself has not answered yet"
    assert beside.clinic.events == []
    kafka_is_back.set()
    await beside.ended(request)
    assert len(beside.clinic.events) == 1


async def test_twenty_confirmations_at_once_have_one_answer(beside: Beside) -> None:
    request = a_wish()
    await beside.runs.hold(request, summary="a test")

    outcomes = await asyncio.gather(
        *(beside.runs.confirm(request.appointment_id) for _ in range(20))
    )

    assert len(set(outcomes)) == 1
    assert outcomes[0].appointment.status is Status.CONFIRMED
    await beside.ended(request)
    assert beside.clinic.calls.count("confirm_appointment") == 1
    assert len(beside.clinic.events) == 1


async def test_a_confirmation_that_is_refused_is_answered_by_its_run(beside: Beside) -> None:
    request = a_wish()
    await beside.runs.hold(request, summary="a test")
    beside.clinic.refuse("confirm_appointment", HoldExpired())

    outcome = await beside.runs.confirm(request.appointment_id)

    assert outcome.refusal is not None
    assert outcome.refusal.code == HoldExpired.code
    assert outcome.appointment.status is Status.EXPIRED


async def test_a_confirmation_of_nothing_has_no_run(beside: Beside) -> None:
    with pytest.raises(NoRun):
        await beside.runs.confirm(uuid4())


async def test_a_worker_that_stopped_after_the_hold_is_not_missed(beside: Beside) -> None:
    request = a_wish()
    held = await beside.runs.hold(request, summary="a test")
    await beside.worker.aclose()

    async with beside.another_worker():
        again = await beside.runs.hold(replace(request, attempt_id=uuid4()), summary="a test")
        confirmed = await beside.runs.confirm(request.appointment_id)

        assert again == held
        assert confirmed.appointment.status is Status.CONFIRMED
        await beside.ended(request)
    assert len(beside.clinic.events) == 1


@pytest.mark.parametrize("step", ["hold_slot", "confirm_appointment"])
async def test_a_worker_that_stops_with_the_step_in_hand_is_not_missed(
    beside: Beside, step: str
) -> None:
    request = a_wish()
    if step == "confirm_appointment":
        await beside.runs.hold(request, summary="a test")
    database = beside.clinic.close_gate(step)
    answer = asyncio.create_task(
        beside.runs.hold(request, summary="a test")
        if step == "hold_slot"
        else beside.runs.confirm(request.appointment_id)
    )
    await eventually(lambda: step in beside.clinic.waiting)

    await beside.worker.aclose()
    database.set()
    async with beside.another_worker():
        outcome = await answer

        assert outcome.refusal is None
        assert outcome.appointment == beside.clinic.rows[request.appointment_id]


async def test_a_worker_that_hangs_is_waited_for_no_longer_than_the_line_allows(
    beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapters.direct_line, "ANSWERED_WITHIN_SECONDS", 0.1)
    request = a_wish()
    await beside.by_temporal.hold(request, summary="a test")
    database = beside.clinic.close_gate("confirm_appointment")

    confirming = asyncio.create_task(beside.runs.confirm(request.appointment_id))
    await eventually(lambda: "confirm_appointment" in beside.clinic.waiting)
    await eventually(lambda: not vars(beside.line)["_waiting"])
    database.set()

    assert (await confirming).appointment.status is Status.CONFIRMED
    assert beside.clinic.calls.count("confirm_appointment") == 1
