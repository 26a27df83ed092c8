"""The move of a visit on a real Temporal server, over the clinic in memory."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from temporalio.client import WorkflowHandle

from bench.run_costs import cost_of
from domain.booking import Appointment, Move, Result, Status
from domain.errors import Changed
from domain.events import EventType, reschedule_workflow_id
from tests.builders import DR_KIM, MONDAY_NINE, a_move, a_placement, a_request
from tests.workflows.conftest import PATIENTLY, FrontDesk, Record
from workflows.reschedule_appointment import RescheduleAppointment

HALF_PAST_NINE = MONDAY_NINE + timedelta(minutes=30)


async def a_confirmed_visit(desk: FrontDesk) -> Appointment:
    request = a_request()
    await desk.book(request)
    confirmed = await desk.runs.confirm(request.appointment_id)
    await desk.run_of(request).result()
    desk.clinic.calls.clear()
    return confirmed.appointment


def move_of(desk: FrontDesk, move: Move) -> WorkflowHandle[RescheduleAppointment, Result]:
    return desk.environment.client.get_workflow_handle_for(
        RescheduleAppointment.run, reschedule_workflow_id(move.appointment_id, move.version)
    )


async def test_a_moved_visit_is_shown_and_announced_with_where_it_stood(
    desk: FrontDesk, record: Record
) -> None:
    visit = await a_confirmed_visit(desk)
    move = a_move(visit)

    outcome = await desk.runs.move(move)

    assert outcome.refusal is None
    assert (outcome.appointment.version, outcome.appointment.moves) == (3, 1)
    assert outcome.appointment.starts_at == HALF_PAST_NINE
    assert await move_of(desk, move).result() == Result(status=Status.CONFIRMED)
    assert desk.clinic.calls == ["move_appointment", "invalidate_schedule", "publish_event"]
    event = desk.clinic.events[-1]
    assert (event.type, event.sequence) == (EventType.RESCHEDULED, 3)
    assert event.starts_at == HALF_PAST_NINE
    assert event.previous == a_placement(visit)
    cost = cost_of(await record("moved", move_of(desk, move)))
    assert (cost.actions, cost.workflow_tasks, cost.upserts) == (3, 1, 0)


async def test_a_visit_that_leaves_its_day_is_shown_on_both(
    desk: FrontDesk, record: Record
) -> None:
    visit = await a_confirmed_visit(desk)
    move = a_move(visit, doctor_id=uuid4(), leaves_day=True)

    await desk.runs.move(move)

    await move_of(desk, move).result()
    assert desk.clinic.shown[-2:] == [
        (move.doctor_id, HALF_PAST_NINE),
        (DR_KIM, MONDAY_NINE),
    ]
    await record("moved-to-another-day", move_of(desk, move))


async def test_a_visit_keeps_its_time_where_the_new_one_is_taken(
    desk: FrontDesk, record: Record
) -> None:
    visit = await a_confirmed_visit(desk)
    await desk.book(a_request(patient_id=uuid4(), starts_at=HALF_PAST_NINE))
    move = a_move(visit)

    outcome = await desk.runs.move(move)

    assert outcome.refusal is not None
    assert outcome.refusal.code == "slot_taken"
    ended = await move_of(desk, move).result()
    assert (ended.status, ended.code) == (Status.CONFIRMED, "slot_taken")
    assert desk.clinic.rows[visit.appointment_id] == visit
    assert desk.clinic.events[-1].type is EventType.CONFIRMED
    await record("move-refused", move_of(desk, move))


async def test_after_a_refused_move_the_same_version_goes_to_another_slot(
    desk: FrontDesk,
) -> None:
    visit = await a_confirmed_visit(desk)
    await desk.book(a_request(patient_id=uuid4(), starts_at=HALF_PAST_NINE))
    await desk.runs.move(a_move(visit))

    outcome = await desk.runs.move(a_move(visit, starts_at=MONDAY_NINE + timedelta(hours=1)))

    assert outcome.refusal is None
    assert outcome.appointment.starts_at == MONDAY_NINE + timedelta(hours=1)


async def test_a_move_made_twice_is_announced_under_one_id(desk: FrontDesk) -> None:
    visit = await a_confirmed_visit(desk)
    move = a_move(visit)
    once = await desk.runs.move(move)
    await move_of(desk, move).result()

    again = await desk.runs.move(replace(move, attempt_id=uuid4()))
    await move_of(desk, move).result()

    assert again.appointment == once.appointment
    moved = [e.event_id for e in desk.clinic.events if e.type is EventType.RESCHEDULED]
    assert len(set(moved)) == 1


async def test_two_moves_of_one_version_have_one_outcome(desk: FrontDesk) -> None:
    """The second joins the run of the first, and is told where the visit went."""
    visit = await a_confirmed_visit(desk)
    kafka_is_back = desk.clinic.close_gate("publish_event")
    one = await desk.runs.move(a_move(visit))

    other = await desk.runs.move(a_move(visit, starts_at=MONDAY_NINE + timedelta(hours=1)))
    kafka_is_back.set()

    assert other.appointment == one.appointment
    assert desk.clinic.calls.count("move_appointment") == 1


async def test_a_temporal_cancel_does_not_break_a_move_off(desk: FrontDesk, record: Record) -> None:
    visit = await a_confirmed_visit(desk)
    kafka_is_back = desk.clinic.close_gate("publish_event")
    move = a_move(visit)
    await desk.runs.move(move)

    await move_of(desk, move).cancel()
    kafka_is_back.set()

    assert await move_of(desk, move).result() == Result(status=Status.CONFIRMED)
    assert desk.clinic.events[-1].type is EventType.RESCHEDULED
    await record("move-not-stopped", move_of(desk, move))


async def test_a_broken_database_delays_the_move(desk: FrontDesk, record: Record) -> None:
    visit = await a_confirmed_visit(desk)
    desk.clinic.break_down("move_appointment", times=3)
    move = a_move(visit)

    async with asyncio.timeout(PATIENTLY):
        outcome = await desk.runs.move(move)

    assert outcome.appointment.starts_at == HALF_PAST_NINE
    await move_of(desk, move).result()
    await record("move-retried", move_of(desk, move))


async def test_with_kafka_and_redis_away_both_days_and_the_move_are_told_later(
    desk: FrontDesk, record: Record
) -> None:
    visit = await a_confirmed_visit(desk)
    desk.clinic.break_down("invalidate_schedule", times=3)
    desk.clinic.break_down("publish_event", times=2)
    move = a_move(visit, doctor_id=uuid4(), leaves_day=True)

    await desk.runs.move(move)

    assert await move_of(desk, move).result() == Result(status=Status.CONFIRMED)
    assert {(move.doctor_id, HALF_PAST_NINE), (DR_KIM, MONDAY_NINE)} <= set(desk.clinic.shown)
    assert [each.type for each in desk.clinic.events].count(EventType.RESCHEDULED) == 1
    await record("moved-without-kafka-and-redis", move_of(desk, move))


async def test_a_visit_that_changed_since_is_not_moved(desk: FrontDesk, record: Record) -> None:
    visit = await a_confirmed_visit(desk)
    desk.clinic.refuse("move_appointment", Changed())

    outcome = await desk.runs.move(a_move(visit))

    assert outcome.refusal is not None
    assert outcome.refusal.code == "changed"
    await record("move-of-an-old-version", move_of(desk, a_move(visit)))
