"""Ways of a booking that are rare, each ending as it should; all of them are recorded."""

import asyncio

from domain.booking import Outcome, Refusal, Result, Status
from domain.errors import PatientBusy
from domain.events import booking_workflow_id
from tests.builders import a_request
from tests.workflows.conftest import FrontDesk, Record, eventually
from tests.workflows.test_budgets import TEN_MINUTES
from workflows.book_appointment import BookAppointment
from workflows.names import BOOKINGS


async def test_a_patient_who_is_busy_then_is_told_with_which_appointment(
    desk: FrontDesk, record: Record
) -> None:
    request, other = a_request(), a_request()
    busy = PatientBusy(Refusal(code=PatientBusy.code, appointment_id=other.appointment_id))
    for _ in range(3):  # a slow worker may be asked for the step again
        desk.clinic.refuse("hold_slot", busy)

    outcome = await desk.book(request)

    assert outcome.refusal is not None
    assert outcome.refusal.appointment_id == other.appointment_id
    assert await desk.run_of(request).result() == Result(
        status=Status.REFUSED, code=PatientBusy.code, refusal=outcome.refusal
    )
    await record("patient-busy", desk.run_of(request))


async def test_a_broken_database_delays_the_confirmation_and_loses_nothing(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    await desk.book(request)
    desk.clinic.break_down("confirm_appointment", times=3)

    confirmed = await desk.runs.confirm(request.appointment_id)

    assert confirmed.appointment.status is Status.CONFIRMED
    await desk.run_of(request).result()
    assert "confirm_appointment" in await desk.regular_activities(request)
    assert len(desk.clinic.events) == 1
    await record("confirm-retried", desk.run_of(request))


async def test_a_broken_database_delays_an_extension(desk: FrontDesk, record: Record) -> None:
    request = a_request()
    await desk.book(request)
    desk.clinic.break_down("extend_hold", times=3)

    extended = await desk.runs.extend(request.appointment_id, 1)
    await desk.runs.confirm(request.appointment_id)

    assert extended.appointment.version == 2
    await desk.run_of(request).result()
    await record("extension-retried", desk.run_of(request))


async def test_announcements_are_repeated_until_both_are_made(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    await desk.book(request)
    desk.clinic.break_down("publish_event", times=2)
    desk.clinic.break_down("invalidate_schedule", times=1)

    await desk.runs.confirm(request.appointment_id)
    await desk.run_of(request).result()

    assert desk.clinic.calls.count("publish_event") == 3
    assert desk.clinic.calls.count("invalidate_schedule") == 2
    assert len(desk.clinic.events) == 1
    await record("announcements-retried", desk.run_of(request))


async def test_a_hold_given_up_before_it_is_held_is_released_at_once(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    database = desk.clinic.close_gate("hold_slot")
    booking = asyncio.create_task(desk.book(request))
    await eventually(lambda: "hold_slot" in desk.clinic.waiting)

    giving_up = asyncio.create_task(desk.runs.give_up(request.appointment_id, "mistake"))
    await desk.accepted(request, updates=2)
    database.set()

    assert (await booking).appointment.status is Status.HELD
    assert (await giving_up).appointment.status is Status.CANCELLED
    await desk.run_of(request).result()
    await record("given-up-before-held", desk.run_of(request))


async def test_a_run_whose_caller_was_lost_before_it_asked_lapses_like_any_other(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    run = await desk.environment.client.start_workflow(
        BookAppointment.run,
        request,
        id=booking_workflow_id(request.appointment_id),
        task_queue=BOOKINGS,
    )
    await eventually(lambda: request.appointment_id in desk.clinic.rows)

    await desk.pass_time(request, TEN_MINUTES)

    assert await run.result() == Result(status=Status.EXPIRED)
    await record("never-asked", run)


async def test_two_confirmations_by_different_callers_have_the_same_answer(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    database = desk.clinic.close_gate("hold_slot")
    booking = asyncio.create_task(desk.book(request))
    await eventually(lambda: "hold_slot" in desk.clinic.waiting)

    by_patient = asyncio.create_task(desk.runs.confirm(request.appointment_id))
    by_operations = asyncio.create_task(
        desk.run_of(request).execute_update("confirm", id="by-operations", result_type=Outcome)
    )
    await desk.accepted(request, updates=3)
    database.set()

    await booking
    answers = await asyncio.gather(by_patient, by_operations)
    assert answers[0] == answers[1]
    await desk.run_of(request).result()
    assert desk.clinic.calls.count("confirm_appointment") == 1
    await record("confirmed-by-two", desk.run_of(request))
