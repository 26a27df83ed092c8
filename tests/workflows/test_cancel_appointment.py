"""The cancellation of a visit on a real Temporal server, over the clinic in memory."""

import asyncio
from dataclasses import replace

from temporalio.client import WorkflowHandle

from domain.booking import Appointment, Result, Status
from domain.events import EventType, cancel_workflow_id
from tests.builders import a_cancellation, a_request
from tests.workflows.conftest import PATIENTLY, FrontDesk, Record, eventually
from workflows.cancel_appointment import CancelAppointment


async def a_confirmed_visit(desk: FrontDesk) -> Appointment:
    request = a_request()
    await desk.book(request)
    confirmed = await desk.runs.confirm(request.appointment_id)
    await desk.run_of(request).result()
    return confirmed.appointment


def cancellation_of(
    desk: FrontDesk, visit: Appointment
) -> WorkflowHandle[CancelAppointment, Result]:
    return desk.environment.client.get_workflow_handle_for(
        CancelAppointment.run, cancel_workflow_id(visit.appointment_id)
    )


async def ended(desk: FrontDesk, visit: Appointment) -> Result:
    return await cancellation_of(desk, visit).result()


async def test_a_cancelled_visit_is_announced(desk: FrontDesk) -> None:
    visit = await a_confirmed_visit(desk)

    outcome = await desk.runs.cancel(a_cancellation(visit))

    assert outcome.refusal is None
    assert outcome.appointment.status is Status.CANCELLED
    assert await ended(desk, visit) == Result(status=Status.CANCELLED)
    kinds = [event.type for event in desk.clinic.events]
    assert kinds == [EventType.CONFIRMED, EventType.CANCELLED]
    assert [event.sequence for event in desk.clinic.events] == [2, 3]


async def test_cancelling_twice_has_one_answer_and_one_event_id(
    desk: FrontDesk, record: Record
) -> None:
    visit = await a_confirmed_visit(desk)
    once = await desk.runs.cancel(a_cancellation(visit))
    await ended(desk, visit)

    again = await desk.runs.cancel(a_cancellation(visit))
    await ended(desk, visit)

    assert again.appointment == once.appointment
    cancelled = [e.event_id for e in desk.clinic.events if e.type is EventType.CANCELLED]
    assert len(set(cancelled)) == 1
    await record("cancelled-again", cancellation_of(desk, visit))


async def test_a_visit_that_changed_since_is_left_alone(desk: FrontDesk, record: Record) -> None:
    visit = await a_confirmed_visit(desk)

    outcome = await desk.runs.cancel(a_cancellation(replace(visit, version=1)))

    assert outcome.refusal is not None
    assert outcome.refusal.code == "version_mismatch"
    assert await ended(desk, visit) == Result(
        status=Status.CONFIRMED, code="version_mismatch", refusal=outcome.refusal
    )
    assert desk.clinic.rows[visit.appointment_id].status is Status.CONFIRMED
    await record("cancellation-refused", cancellation_of(desk, visit))


async def test_the_refusal_of_an_older_version_answers_for_no_later_one(desk: FrontDesk) -> None:
    """Both ask one run, which was begun for the older version; its refusal is stored for both."""
    visit = await a_confirmed_visit(desk)
    database_is_back = desk.clinic.close_gate("cancel_appointment")
    older = asyncio.create_task(desk.runs.cancel(a_cancellation(replace(visit, version=1))))
    await eventually(lambda: "cancel_appointment" in desk.clinic.waiting)
    joined = asyncio.create_task(desk.runs.cancel(a_cancellation(visit)))
    await asyncio.sleep(0.3)  # nobody outside can see that it has joined; without it, it is alone
    database_is_back.set()

    refused, first = await asyncio.gather(older, joined)
    again = await desk.runs.cancel(a_cancellation(visit))

    assert refused.refusal is not None
    assert Status.CANCELLED in {first.appointment.status, again.appointment.status}
    assert again.refusal is None
    assert desk.clinic.rows[visit.appointment_id].status is Status.CANCELLED


async def test_a_temporal_cancel_does_not_break_a_cancellation_off(
    desk: FrontDesk, record: Record
) -> None:
    visit = await a_confirmed_visit(desk)
    kafka_is_back = desk.clinic.close_gate("publish_event")
    await desk.runs.cancel(a_cancellation(visit))

    await cancellation_of(desk, visit).cancel()
    kafka_is_back.set()

    assert await ended(desk, visit) == Result(status=Status.CANCELLED)
    assert len({event.event_id for event in desk.clinic.events}) == 2, "each under one id"
    await record("cancellation-not-stopped", cancellation_of(desk, visit))


async def test_a_hold_without_a_run_is_cancelled_without_an_event(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    held = await desk.book(request)
    await desk.run_of(request).terminate()

    outcome = await desk.runs.cancel(a_cancellation(held.appointment))

    assert outcome.appointment.status is Status.CANCELLED
    await ended(desk, held.appointment)
    assert desk.clinic.events == []
    await record("cancelled-without-a-run", cancellation_of(desk, held.appointment))


async def test_a_broken_database_delays_the_cancellation(desk: FrontDesk, record: Record) -> None:
    visit = await a_confirmed_visit(desk)
    desk.clinic.break_down("cancel_appointment", times=3)

    async with asyncio.timeout(PATIENTLY):
        outcome = await desk.runs.cancel(a_cancellation(visit))

    assert outcome.appointment.status is Status.CANCELLED
    await ended(desk, visit)
    await record("cancellation-retried", cancellation_of(desk, visit))
