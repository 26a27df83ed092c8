"""What each path of a booking may cost when it goes by Temporal from its beginning."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio.client import WorkflowFailureError

from bench.run_costs import cost_of
from domain.booking import Status
from domain.errors import HoldExpired
from domain.events import cancel_workflow_id
from tests.builders import a_cancellation, a_request
from tests.workflows.conftest import FrontDesk, Record, eventually

TEN_MINUTES = timedelta(minutes=10, seconds=1)


async def test_a_confirmed_booking(desk: FrontDesk, record: Record) -> None:
    request = a_request()
    await desk.book(request)
    await desk.runs.confirm(request.appointment_id)
    await desk.run_of(request).result()

    cost = cost_of(await record("confirmed", desk.run_of(request)))

    assert cost.actions <= 7
    assert cost.events <= 19
    assert cost.workflow_tasks <= 2
    assert cost.upserts <= 1


async def test_a_lapsed_hold(desk: FrontDesk, record: Record) -> None:
    request = a_request()
    await desk.book(request)
    await desk.pass_time(request, TEN_MINUTES)
    await desk.run_of(request).result()

    cost = cost_of(await record("lapsed", desk.run_of(request)))

    assert cost.actions <= 6
    assert cost.upserts <= 1


async def test_a_slot_lost_in_the_race(desk: FrontDesk, record: Record) -> None:
    first = a_request()
    second = a_request(starts_at=first.starts_at, patient_id=uuid4())
    await desk.book(first)
    await desk.book(second)
    await desk.run_of(second).result()

    cost = cost_of(await record("taken", desk.run_of(second)))

    assert cost.actions <= 4
    assert cost.upserts <= 1


async def test_a_replayed_booking_costs_nothing(desk: FrontDesk) -> None:
    request = a_request()
    await desk.book(request)
    before = cost_of(await desk.run_of(request).fetch_history())

    await desk.book(request)

    assert cost_of(await desk.run_of(request).fetch_history()) == before


async def test_a_hold_given_up(desk: FrontDesk, record: Record) -> None:
    request = a_request()
    await desk.book(request)
    await desk.runs.give_up(request.appointment_id, "patient_request")
    await desk.run_of(request).result()

    cost = cost_of(await record("given-up", desk.run_of(request)))

    assert cost.actions <= 7
    assert cost.upserts <= 1


async def test_an_extended_hold_that_is_confirmed(desk: FrontDesk, record: Record) -> None:
    request = a_request()
    await desk.book(request)
    await desk.runs.extend(request.appointment_id, 1)
    await desk.runs.confirm(request.appointment_id)
    await desk.run_of(request).result()

    cost = cost_of(await record("extended", desk.run_of(request)))

    assert cost.actions <= 10  # a confirmed booking, an update, a local activity and a timer
    assert cost.upserts <= 1


async def test_an_extended_hold_that_lapses(desk: FrontDesk, record: Record) -> None:
    request = a_request()
    await desk.book(request)
    await desk.runs.extend(request.appointment_id, 1)
    await desk.pass_time(request, TEN_MINUTES)
    await desk.run_of(request).result()

    assert cost_of(await record("extended-lapsed", desk.run_of(request))).actions <= 9


async def test_a_cancelled_visit(desk: FrontDesk, record: Record) -> None:
    request = a_request()
    await desk.book(request)
    confirmed = await desk.runs.confirm(request.appointment_id)
    await desk.runs.cancel(a_cancellation(confirmed.appointment))
    handle = desk.environment.client.get_workflow_handle(cancel_workflow_id(request.appointment_id))
    await handle.result()

    cost = cost_of(await record("cancelled-visit", handle))

    assert cost.actions <= 4
    assert cost.events <= 11
    assert cost.upserts <= 1


async def test_a_compensation_after_a_failed_confirmation(desk: FrontDesk, record: Record) -> None:
    request = a_request()
    await desk.book(request)
    desk.clinic.refuse("confirm_appointment", HoldExpired())
    await desk.runs.confirm(request.appointment_id)
    await desk.run_of(request).result()

    await record("compensated", desk.run_of(request))

    assert desk.clinic.rows[request.appointment_id].status is Status.EXPIRED


async def test_a_hold_that_went_on_as_a_regular_activity(desk: FrontDesk, record: Record) -> None:
    request = a_request()
    desk.clinic.break_down("hold_slot", times=3)
    await desk.book(request)
    await desk.runs.confirm(request.appointment_id)
    await desk.run_of(request).result()

    cost = cost_of(await record("database-broke-down", desk.run_of(request)))

    assert cost.upserts <= 1


async def test_a_hold_that_was_given_up_by_the_clinic(desk: FrontDesk, record: Record) -> None:
    request = a_request(hold_seconds=30)
    desk.clinic.break_down("hold_slot", times=1000)
    booking = asyncio.create_task(desk.book(request))
    await eventually(lambda: len(desk.clinic.calls) > 3)
    await desk.pass_time(request, timedelta(seconds=40))
    outcome = await booking
    result = await desk.run_of(request).result()

    cost = cost_of(await record("never-held", desk.run_of(request)))

    assert outcome.refusal is not None
    assert outcome.refusal.code == HoldExpired.code
    assert result.status is desk.clinic.rows[request.appointment_id].status is Status.EXPIRED
    assert cost.upserts <= 1


async def test_a_run_stopped_by_operations(desk: FrontDesk, record: Record) -> None:
    request = a_request()
    await desk.book(request)
    await desk.run_of(request).cancel()
    with pytest.raises(WorkflowFailureError):
        await desk.run_of(request).result()

    cost = cost_of(await record("stopped-by-operations", desk.run_of(request)))

    assert cost.actions <= 6
