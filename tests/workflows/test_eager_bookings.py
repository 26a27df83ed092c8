"""Bookings that are run beside the API that asks for them, and those whose run is elsewhere."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from adapters.temporal.client import TemporalConnection
from api.booking.temporal_errors import NoRun
from domain.booking import Appointment, BookingRequest, Outcome, Status, asked_for
from domain.errors import HoldExpired, SlotTaken
from domain.events import booking_workflow_id, reschedule_workflow_id
from tests.builders import a_move, a_request
from tests.workflows.conftest import PATIENTLY, Beside, another_client, eventually
from worker.eager_bookings import EagerBookings
from worker.waiters import MOVE_APPOINTMENT, Waiters


def a_wish() -> BookingRequest:
    return a_request()


async def test_a_booking_is_begun_with_its_first_task_and_confirmed_with_one_update(
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


async def test_what_the_step_answers_is_what_the_run_answers(beside: Beside) -> None:
    request = a_wish()

    held = await beside.bookings.hold(request, summary="a test")
    by_the_run = await beside.by_temporal.hold(replace(request, attempt_id=uuid4()), summary="")
    confirmed = await beside.bookings.confirm(request.appointment_id)

    assert held == by_the_run
    assert confirmed == await beside.by_temporal.confirm(request.appointment_id)


async def test_a_refusal_is_answered_as_the_run_does(beside: Beside) -> None:
    first, second = a_wish(), a_request(patient_id=uuid4())
    await beside.bookings.hold(first, summary="a test")

    lost = await beside.bookings.hold(second, summary="a test")

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

    outcome = await beside.runs.hold(replace(request, attempt_id=uuid4()), summary="a test")

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


async def test_a_run_that_another_process_works_on_is_asked_through_temporal(
    beside: Beside,
) -> None:
    request = a_wish()
    without_worker = TemporalConnection(await another_client(beside.environment))
    elsewhere = EagerBookings(without_worker, Waiters(), heard_within=0)

    held = await elsewhere.hold(request, summary="a test")
    was_eager, _ = await beside.begun(request)
    confirmed = await elsewhere.confirm(request.appointment_id)

    assert not was_eager
    assert (held.attempt_id, held.appointment.status) == (request.attempt_id, Status.HELD)
    assert confirmed.appointment == beside.clinic.rows[request.appointment_id]


async def test_a_slow_hold_is_asked_after_in_temporal(beside: Beside) -> None:
    request = a_wish()
    database = beside.clinic.close_gate("hold_slot")
    impatient = beside.impatient()

    holding = asyncio.create_task(impatient.hold(request, summary="a test"))
    await eventually(lambda: "hold_slot" in beside.clinic.waiting)
    await eventually(lambda: bool(vars(impatient)["_calls"]))
    assert not holding.done(), "the step has not ended"
    database.set()

    assert (await holding).appointment.status is Status.HELD
    async with asyncio.timeout(PATIENTLY):  # it is recorded with the task that answers
        while await beside.begun(request) != (True, 1):
            pass


async def test_a_confirmation_is_answered_while_kafka_hangs(beside: Beside) -> None:
    request = a_wish()
    await beside.bookings.hold(request, summary="a test")
    kafka_is_back = beside.clinic.close_gate("publish_event")

    confirmed = await beside.bookings.confirm(request.appointment_id)

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
    as_the_product = EagerBookings(TemporalConnection(beside.client), beside.heard)
    answer = asyncio.create_task(
        as_the_product.hold(request, summary="a test")
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


async def a_visit(beside: Beside) -> Appointment:
    request = a_wish()
    await beside.runs.hold(request, summary="a test")
    visit = (await beside.runs.confirm(request.appointment_id)).appointment
    await beside.ended(request)
    return visit


async def test_a_move_is_begun_with_its_first_task_and_answered_by_its_step(
    beside: Beside,
) -> None:
    move = a_move(await a_visit(beside))

    outcome = await beside.runs.move(move)

    assert (outcome.attempt_id, outcome.refusal) == (move.attempt_id, None)
    assert outcome.appointment == beside.clinic.rows[move.appointment_id]
    run = beside.environment.client.get_workflow_handle(
        reschedule_workflow_id(move.appointment_id, move.version)
    )
    await run.result()
    assert EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED not in await kinds_of(run)


async def test_a_refused_move_is_told_when_its_run_has_ended(beside: Beside) -> None:
    visit = await a_visit(beside)
    beside.clinic.refuse("move_appointment", SlotTaken())

    outcome = await beside.runs.move(a_move(visit))

    assert outcome.refusal == SlotTaken().refusal


async def test_a_move_whose_refusal_was_not_the_last_word_is_told_by_its_run(
    beside: Beside,
) -> None:
    """Another worker that repeats the step may find the slot free again."""
    move = a_move(await a_visit(beside))
    refused = Outcome(
        attempt_id=move.attempt_id,
        appointment=asked_for(move, Status.CONFIRMED),
        refusal=SlotTaken().refusal,
    )
    database_answers = beside.clinic.close_gate("move_appointment")
    moving = asyncio.create_task(beside.runs.move(move))
    await eventually(lambda: "move_appointment" in beside.clinic.waiting)

    beside.heard.tell(MOVE_APPOINTMENT, refused, asked=move.attempt_id)
    database_answers.set()

    with pytest.raises(NoRun):
        await moving
    assert beside.clinic.rows[move.appointment_id].moves == 1


async def test_who_comes_upon_the_run_of_a_move_is_told_what_it_did(beside: Beside) -> None:
    visit = await a_visit(beside)
    kafka_is_back = beside.clinic.close_gate("publish_event")
    one = await beside.runs.move(a_move(visit))

    other = await beside.runs.move(a_move(visit, starts_at=visit.starts_at + timedelta(hours=1)))
    kafka_is_back.set()

    assert other == one
    assert beside.clinic.calls.count("move_appointment") == 1


async def test_a_move_under_way_is_asked_after_and_one_that_has_ended_is_not(
    beside: Beside,
) -> None:
    move = a_move(await a_visit(beside))
    kafka_is_back = beside.clinic.close_gate("publish_event")
    moved = await beside.runs.move(move)

    told = [
        await each.moving(move.appointment_id, move.version)
        for each in (beside.runs, beside.by_temporal)
    ]
    kafka_is_back.set()

    assert told == [moved, moved]
    await beside.environment.client.get_workflow_handle(
        reschedule_workflow_id(move.appointment_id, move.version)
    ).result()
    for version in (move.version, move.version + 1):
        with pytest.raises(NoRun):
            await beside.runs.moving(move.appointment_id, version)


async def test_a_move_that_is_only_being_begun_is_waited_for(beside: Beside) -> None:
    move = a_move(await a_visit(beside))
    kafka_is_back = beside.clinic.close_gate("publish_event")

    moved, heard = await asyncio.gather(
        beside.runs.move(move), beside.runs.moving(move.appointment_id, move.version)
    )
    kafka_is_back.set()

    assert heard == moved


async def test_a_move_that_is_not_heard_of_is_asked_for(beside: Beside) -> None:
    move = a_move(await a_visit(beside))
    database_answers = beside.clinic.close_gate("move_appointment")
    moving = asyncio.create_task(beside.impatient().move(move))
    await eventually(lambda: "move_appointment" in beside.clinic.waiting)
    database_answers.set()

    assert (await moving).appointment == beside.clinic.rows[move.appointment_id]


async def kinds_of(run: WorkflowHandle[Any, Any]) -> list[int]:
    return [event.event_type for event in (await run.fetch_history()).events]
