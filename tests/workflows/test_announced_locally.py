"""Announcements that are tried once where the booking is, and then from a queue of their own."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.testing import WorkflowEnvironment

from bench.run_costs import cost_of
from domain.booking import BookingRequest, Result, Status
from domain.events import appointment_confirmed
from tests.builders import a_request
from tests.fakes.clinic import FakeClinic
from tests.workflows.conftest import PATIENTLY, FrontDesk, Record, a_desk, eventually
from workflows.names import ANNOUNCEMENTS

TEN_MINUTES = timedelta(minutes=10, seconds=1)
BOTH = ["invalidate_schedule", "publish_event"]


def queued(history: WorkflowHistory) -> list[tuple[str, str]]:
    """The regular activities and their queues, in order."""
    return [
        (scheduled.activity_type.name, scheduled.task_queue.name)
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
        for scheduled in (event.activity_task_scheduled_event_attributes,)
    ]


def costs_at_most(
    history: WorkflowHistory, *, actions: int, events: int, workflow_tasks: int
) -> bool:
    cost = cost_of(history)
    return (
        cost.actions <= actions
        and cost.events <= events
        and cost.workflow_tasks <= workflow_tasks
        and cost.upserts <= 1
    )


async def confirmed_run(desk: FrontDesk, request: BookingRequest) -> Result:
    await desk.book(request)
    await desk.runs.confirm(request.appointment_id)
    return await desk.run_of(request).result()


def published_once(clinic: FakeClinic, request: BookingRequest) -> bool:
    event = appointment_confirmed(clinic.rows[request.appointment_id])
    return [each.event_id for each in clinic.events] == [event.event_id]


async def test_a_confirmed_booking_is_announced_here_the_day_first(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    await confirmed_run(desk, request)

    history = await record("confirmed-locally", desk.run_of(request))

    assert desk.clinic.calls == ["hold_slot", "confirm_appointment", *BOTH]
    assert published_once(desk.clinic, request)
    assert queued(history) == []
    assert costs_at_most(history, actions=7, events=19, workflow_tasks=2)


async def test_a_lapsed_hold_is_shown_from_here(desk: FrontDesk, record: Record) -> None:
    request = a_request()
    await desk.book(request)
    await desk.pass_time(request, TEN_MINUTES)
    await desk.run_of(request).result()

    history = await record("lapsed-locally", desk.run_of(request))

    assert list(dict.fromkeys(desk.clinic.calls)) == ["hold_slot", "release_slot", BOTH[0]]
    assert queued(history) == []
    assert costs_at_most(history, actions=6, events=23, workflow_tasks=2)


async def test_a_hold_given_up_is_shown_from_here(desk: FrontDesk, record: Record) -> None:
    request = a_request()
    await desk.book(request)
    await desk.runs.give_up(request.appointment_id, "patient_request")
    await desk.run_of(request).result()

    history = await record("given-up-locally", desk.run_of(request))

    assert list(dict.fromkeys(desk.clinic.calls)) == ["hold_slot", "release_slot", BOTH[0]]
    assert queued(history) == []
    assert costs_at_most(history, actions=7, events=18, workflow_tasks=2)


async def test_with_kafka_away_the_event_goes_by_the_queue_and_is_published_once(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    desk.clinic.break_down("publish_event", times=3)

    assert await confirmed_run(desk, request) == Result(status=Status.CONFIRMED)

    history = await record("announced-without-kafka", desk.run_of(request))
    assert queued(history) == [("publish_event", ANNOUNCEMENTS)]
    assert desk.clinic.calls[2:] == ["invalidate_schedule", *["publish_event"] * 4]
    assert published_once(desk.clinic, request)


async def test_with_redis_away_the_change_goes_by_the_queue(
    desk: FrontDesk, record: Record
) -> None:
    request = a_request()
    desk.clinic.break_down("invalidate_schedule", times=3)

    assert await confirmed_run(desk, request) == Result(status=Status.CONFIRMED)

    history = await record("announced-without-redis", desk.run_of(request))
    assert queued(history) == [("invalidate_schedule", ANNOUNCEMENTS)]
    assert desk.clinic.calls[2:] == [*BOTH, *["invalidate_schedule"] * 3]
    assert published_once(desk.clinic, request)


async def test_with_both_away_both_go_by_the_queue(desk: FrontDesk, record: Record) -> None:
    request = a_request()
    for each in BOTH:
        desk.clinic.break_down(each, times=2)

    await confirmed_run(desk, request)

    history = await record("announced-without-either", desk.run_of(request))
    assert sorted(queued(history)) == [(each, ANNOUNCEMENTS) for each in BOTH]
    assert desk.clinic.calls[2:4] == BOTH
    assert published_once(desk.clinic, request)


async def test_a_change_that_cannot_be_shown_keeps_no_event_waiting(desk: FrontDesk) -> None:
    request = a_request()
    desk.clinic.break_down("invalidate_schedule", times=1000)
    await desk.book(request)
    await desk.runs.confirm(request.appointment_id)

    await eventually(lambda: bool(desk.clinic.events))

    desk.clinic.faults["invalidate_schedule"].clear()
    await desk.run_of(request).result()
    assert published_once(desk.clinic, request)


@pytest.fixture
async def hasty_desk(temporal: WorkflowEnvironment) -> AsyncIterator[FrontDesk]:
    """With no more patience than the product has."""
    async with a_desk(temporal) as desk:
        yield desk


@pytest.mark.parametrize("hanging", BOTH)
async def test_an_announcement_that_hangs_is_left_to_the_queue_in_a_quarter_of_a_second(
    hasty_desk: FrontDesk, hanging: str
) -> None:
    request, desk = a_request(), hasty_desk
    await desk.book(request)
    is_back = desk.clinic.close_gate(hanging)

    await desk.runs.confirm(request.appointment_id)
    await eventually(lambda: BOTH[BOTH.index(hanging) - 1] in desk.clinic.calls)
    async with asyncio.timeout(PATIENTLY):
        while not await desk.regular_activities(request):
            pass

    is_back.set()
    await desk.run_of(request).result()
    assert await desk.regular_activities(request) == [hanging]
    assert published_once(desk.clinic, request)
