"""What the step that confirms a visit announces at once, and what it leaves to the run."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from domain.booking import BookingRequest, Confirmation, Outcome, Status
from domain.events import appointment_confirmed
from tests.builders import MONDAY_NINE, a_request, an_appointment
from tests.fakes.clinic import FakeClinic
from worker import announced_at_once
from worker.announced_at_once import answer_then_announce
from worker.waiters import CONFIRM_APPOINTMENT, HOLD_SLOT, Waiters

BOTH = ["invalidate_schedule", "publish_event"]


class Confirms(ActivityInboundInterceptor):
    """The step itself: it leaves the row so."""

    def __init__(self, status: Status) -> None:
        self._status = status

    async def execute_activity(self, input: ExecuteActivityInput) -> Confirmation:  # noqa: A002 - the SDK's name
        request: BookingRequest = input.args[0]
        row = an_appointment(
            appointment_id=request.appointment_id, status=self._status, confirmed_at=MONDAY_NINE
        )
        return Confirmation(**vars(row))


async def done(
    waiters: Waiters,
    clinic: FakeClinic,
    request: BookingRequest,
    *,
    step: str = CONFIRM_APPOINTMENT,
    status: Status = Status.CONFIRMED,
) -> Confirmation:
    """The step as an API's worker does it."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, activity_type=step)
    inbound: ActivityInboundInterceptor = Confirms(status)
    for interceptor in reversed(answer_then_announce(waiters, clinic)):  # as the SDK's worker does
        inbound = interceptor.intercept_activity(inbound)
    given = ExecuteActivityInput(fn=done, args=[request], executor=None, headers={})
    confirmation: Confirmation = await environment.run(inbound.execute_activity, given)
    return confirmation


async def test_a_confirmed_visit_is_shown_and_published_and_its_run_is_told_so() -> None:
    clinic, request = FakeClinic(), a_request()

    confirmation = await done(Waiters(), clinic, request)

    visit = confirmation.appointment
    assert confirmation.announced is True
    assert clinic.calls == BOTH
    assert clinic.shown == [(visit.doctor_id, visit.starts_at)]
    assert clinic.events == [appointment_confirmed(visit, by=request.actor.role)]


async def test_who_waits_for_the_confirmation_is_told_before_anybody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(announced_at_once, "ANNOUNCED_WITHIN_SECONDS", 60)
    waiters, clinic, request = Waiters(), FakeClinic(), a_request()
    redis = clinic.close_gate("invalidate_schedule")
    with waiters.expecting(CONFIRM_APPOINTMENT, request.appointment_id) as outcome:
        confirming = asyncio.create_task(done(waiters, clinic, request))
        async with asyncio.timeout(5):
            told = await outcome

        assert clinic.events == []
    redis.set()

    visit = (await confirming).appointment
    assert told == Outcome(attempt_id=request.attempt_id, appointment=visit)


@pytest.mark.parametrize("away", BOTH)
async def test_what_cannot_be_announced_is_left_to_the_run(away: str) -> None:
    clinic = FakeClinic()
    clinic.break_down(away, times=1)

    confirmation = await done(Waiters(), clinic, a_request())

    assert confirmation.announced is False


@pytest.mark.parametrize("hanging", BOTH)
async def test_what_hangs_is_left_to_the_run(hanging: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announced_at_once, "ANNOUNCED_WITHIN_SECONDS", 0.01)
    clinic = FakeClinic()
    clinic.close_gate(hanging)

    async with asyncio.timeout(5):
        confirmation = await done(Waiters(), clinic, a_request())

    assert confirmation.announced is False


async def test_a_visit_that_was_cancelled_since_is_left_to_the_run() -> None:
    clinic = FakeClinic()

    confirmation = await done(Waiters(), clinic, a_request(), status=Status.CANCELLED)

    assert confirmation.announced is None
    assert clinic.calls == []


@pytest.mark.parametrize("step", [HOLD_SLOT, CONFIRM_APPOINTMENT])
async def test_who_was_just_answered_may_ask_for_the_next_thing_first(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announced_at_once, "PAUSE_SECONDS", 0.2)
    monkeypatch.setattr(announced_at_once, "GIVES_WAY_SECONDS", 60)
    waiters, clinic = Waiters(), FakeClinic()
    confirming = asyncio.create_task(done(waiters, clinic, a_request()))
    for _ in range(20):  # the step is done by then
        await asyncio.sleep(0)
    with waiters.expecting(step, uuid4()):
        await asyncio.wait((confirming,), timeout=0.4)
        assert clinic.calls == []

    async with asyncio.timeout(5):
        assert (await confirming).announced is True


async def test_where_somebody_waits_anyway_nothing_is_kept_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(announced_at_once, "GIVES_WAY_SECONDS", 60)
    waiters = Waiters()

    async with asyncio.timeout(5):
        with waiters.expecting(HOLD_SLOT, uuid4()):
            assert (await done(waiters, FakeClinic(), a_request())).announced is True


async def test_who_waits_for_this_very_step_is_nobody_to_give_way_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(announced_at_once, "PAUSE_SECONDS", 0.2)
    waiters, clinic, request = Waiters(), FakeClinic(), a_request()

    with waiters.expecting(CONFIRM_APPOINTMENT, request.appointment_id) as told:
        confirming = asyncio.create_task(done(waiters, clinic, request))
        await asyncio.wait_for(told, timeout=5)
        assert clinic.calls == []
    assert (await confirming).announced is True


async def test_an_announcement_is_not_kept_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announced_at_once, "PAUSE_SECONDS", 60)
    monkeypatch.setattr(announced_at_once, "GIVES_WAY_SECONDS", 0)

    async with asyncio.timeout(5):
        assert (await done(Waiters(), FakeClinic(), a_request())).announced is True


async def test_no_other_step_announces_or_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announced_at_once, "GIVES_WAY_SECONDS", 60)
    waiters, clinic = Waiters(), FakeClinic()

    async with asyncio.timeout(5):
        with waiters.expecting(HOLD_SLOT, uuid4()):
            confirmation = await done(waiters, clinic, a_request(), step="extend_hold")

    assert confirmation.announced is None
    assert clinic.calls == []
