"""Who is told in this process of what became of a step, and who is not."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.refusals import told_to_temporal, unavailable
from domain.booking import BookingRequest, Confirmation, Hold, Outcome, Refusal, Status
from domain.booking_record import BookingRecord
from domain.errors import HoldExpired, Refused, SlotTaken
from tests.builders import a_request, an_appointment
from worker.waiters import CONFIRM_APPOINTMENT, HOLD_SLOT, NotifyWaiters, Waiters

Step = Callable[..., Awaitable[object]]


class LastInLine(ActivityInboundInterceptor):
    """Does what the activity does: nothing follows it."""

    def __init__(self, step: Step) -> None:
        self._step = step

    async def execute_activity(self, input: ExecuteActivityInput) -> object:  # noqa: A002 - the SDK's name
        return await self._step(*input.args)


async def done(waiters: Waiters, kind: str, step: Step, request: BookingRequest) -> object:
    """The step as a worker does it, with the interceptor in front."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, activity_type=kind)
    inbound = NotifyWaiters(waiters).intercept_activity(LastInLine(step))
    given = ExecuteActivityInput(fn=step, args=[request], executor=None, headers={})
    return await environment.run(inbound.execute_activity, given)


def holds(**changes: object) -> Step:
    async def hold(request: BookingRequest) -> Hold:
        row = an_appointment(appointment_id=request.appointment_id, **changes)
        return Hold(appointment=row, lasts_seconds=600)

    return hold


def confirms(**changes: object) -> Step:
    async def confirm(request: BookingRequest) -> Confirmation:
        row = an_appointment(appointment_id=request.appointment_id, **changes)
        return Confirmation(**vars(row))

    return confirm


def refuses(refused: Refused) -> Step:
    async def refuse(_: BookingRequest) -> None:
        with told_to_temporal():
            raise refused

    return refuse


async def breaks_down(_: BookingRequest) -> None:
    raise unavailable("PostgreSQL", ConnectionResetError())


async def test_everybody_who_waits_for_a_hold_is_told_when_its_row_is_there() -> None:
    waiters, request = Waiters(), a_request()
    with ExitStack() as waiting:
        outcomes = [
            waiting.enter_context(waiters.expecting(HOLD_SLOT, request.appointment_id))
            for _ in range(3)
        ]

        hold = await done(waiters, HOLD_SLOT, holds(), request)

        assert isinstance(hold, Hold)
        told = Outcome(attempt_id=request.attempt_id, appointment=hold.appointment)
        assert [each.result() for each in outcomes] == [told] * 3


async def test_who_waits_for_a_confirmation_is_told_when_it_is_written() -> None:
    waiters, request = Waiters(), a_request()
    with waiters.expecting(CONFIRM_APPOINTMENT, request.appointment_id) as outcome:
        row = await done(waiters, CONFIRM_APPOINTMENT, confirms(status=Status.CONFIRMED), request)

        assert isinstance(row, Confirmation)
        told = Outcome(attempt_id=request.attempt_id, appointment=row.appointment)
        assert outcome.result() == told


async def test_nobody_is_told_before_the_step_is_over() -> None:
    waiters, request = Waiters(), a_request()
    begun, committed = asyncio.Event(), asyncio.Event()

    async def holds_slowly(request: BookingRequest) -> object:
        begun.set()
        await committed.wait()
        return await holds()(request)

    with waiters.expecting(HOLD_SLOT, request.appointment_id) as outcome:
        holding = asyncio.create_task(done(waiters, HOLD_SLOT, holds_slowly, request))
        await begun.wait()
        was_told = outcome.done()
        committed.set()
        await holding

        assert (was_told, outcome.done()) == (False, True)


async def test_a_hold_that_was_confirmed_before_is_told_as_it_is() -> None:
    waiters, request = Waiters(), a_request()
    with waiters.expecting(HOLD_SLOT, request.appointment_id) as outcome:
        await done(waiters, HOLD_SLOT, holds(status=Status.CONFIRMED), request)

        assert outcome.result().appointment.status is Status.CONFIRMED


def said_by_the_run(request: BookingRequest, refusal: Refusal) -> Outcome | None:
    booking = BookingRecord(request)
    booking.end(refusal)
    return booking.first_answer


async def test_a_refused_hold_is_told_with_its_refusal_and_stays_refused() -> None:
    waiters, request = Waiters(), a_request()
    refusal = Refusal(code=SlotTaken.code, alternatives=[])
    with waiters.expecting(HOLD_SLOT, request.appointment_id) as outcome:
        with pytest.raises(ApplicationError) as failed:
            await done(waiters, HOLD_SLOT, refuses(SlotTaken(refusal)), request)

        assert failed.value.type == SlotTaken.code
        assert outcome.result() == said_by_the_run(request, refusal)


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        (HOLD_SLOT, breaks_down),
        (CONFIRM_APPOINTMENT, breaks_down),
        (CONFIRM_APPOINTMENT, refuses(HoldExpired())),
    ],
    ids=["hold", "confirm", "refused-confirm"],
)
async def test_what_is_tried_or_undone_yet_is_told_by_the_run(kind: str, step: Step) -> None:
    waiters, request = Waiters(), a_request()
    with waiters.expecting(kind, request.appointment_id) as outcome:
        with pytest.raises(ApplicationError):
            await done(waiters, kind, step, request)

        assert not outcome.done()


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        (HOLD_SLOT, holds(status=Status.EXPIRED)),
        (HOLD_SLOT, holds(status=Status.CANCELLED)),
        (CONFIRM_APPOINTMENT, confirms(status=Status.EXPIRED)),
    ],
    ids=["expired", "cancelled", "confirm"],
)
async def test_a_row_that_ended_otherwise_is_told_by_the_run(kind: str, step: Step) -> None:
    waiters, request = Waiters(), a_request()
    with waiters.expecting(kind, request.appointment_id) as outcome:
        await done(waiters, kind, step, request)

        assert not outcome.done()


@pytest.mark.parametrize(
    ("step", "appointment_id"),
    [(CONFIRM_APPOINTMENT, UUID(int=1)), (HOLD_SLOT, UUID(int=2)), ("release_slot", UUID(int=1))],
)
async def test_who_waits_for_another_step_or_appointment_is_not_told(
    step: str, appointment_id: UUID
) -> None:
    waiters = Waiters()
    with waiters.expecting(step, appointment_id) as outcome:
        await done(waiters, HOLD_SLOT, holds(), a_request(appointment_id=UUID(int=1)))
        await done(waiters, "release_slot", holds(), a_request(appointment_id=UUID(int=1)))

        assert not outcome.done()


async def test_nobody_has_to_wait_and_who_no_longer_waits_is_forgotten() -> None:
    waiters, request = Waiters(), a_request()
    with waiters.expecting(HOLD_SLOT, request.appointment_id) as gone:
        pass
    with waiters.expecting(HOLD_SLOT, request.appointment_id) as given_up:
        given_up.cancel()
        await done(waiters, HOLD_SLOT, holds(), request)
        await done(waiters, HOLD_SLOT, holds(), request)
    await done(waiters, HOLD_SLOT, holds(), request)

    assert not gone.done()
    assert vars(waiters)["_waiting"] == {}


async def test_a_step_that_is_done_twice_is_told_once() -> None:
    waiters, request = Waiters(), a_request(attempt_id=uuid4())
    with waiters.expecting(HOLD_SLOT, request.appointment_id) as outcome:
        await done(waiters, HOLD_SLOT, holds(), request)
        first = outcome.result()
        await done(waiters, HOLD_SLOT, holds(version=2), request)

        assert outcome.result() == first
