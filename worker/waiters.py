"""Who waits in this process for what becomes of a step, and how they get to know."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.booking import (
    Appointment,
    BookingRequest,
    Confirmation,
    Hold,
    Move,
    Outcome,
    Refusal,
    Status,
    asked_for,
)
from domain.errors import REFUSALS

HOLD_SLOT, CONFIRM_APPOINTMENT = "hold_slot", "confirm_appointment"
MOVE_APPOINTMENT = "move_appointment"
"""The steps that a patient waits for."""


class Waiters:
    """Callers who wait for what becomes of a step, by the id of what they asked for.

    A booking is asked for by its appointment, a move by the attempt: of two moves of one visit only
    one can be made.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, UUID], list[asyncio.Future[Outcome]]] = {}
        self._nobody = asyncio.Event()
        self._nobody.set()

    @contextmanager
    def expecting(self, step: str, asked: UUID) -> Iterator[asyncio.Future[Outcome]]:
        """Open before the step is asked for: it may be done before the asking is answered."""
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault((step, asked), [])
        waiting.append(outcome)
        self._nobody.clear()
        try:
            yield outcome
        finally:
            waiting.remove(outcome)
            if not waiting:
                self._waiting.pop((step, asked), None)
            if not self._waiting:
                self._nobody.set()

    def tell(self, step: str, outcome: Outcome, *, asked: UUID | None = None) -> None:
        asked = asked or outcome.appointment.appointment_id
        for waiting in self._waiting.get((step, asked), ()):
            if not waiting.done():
                waiting.set_result(outcome)

    @property
    def somebody_waits(self) -> bool:
        """Who has been told already does not, though the answer may still be on its way."""
        return any(not each.done() for waiting in self._waiting.values() for each in waiting)

    async def are_gone(self) -> None:
        """Until nobody waits here."""
        await self._nobody.wait()


class NotifyWaiters(Interceptor):
    """Tells what a step has done, or was refused, as its run will."""

    def __init__(self, waiters: Waiters) -> None:
        self._waiters = waiters

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _NotifyWaiters(next, self._waiters)


class _NotifyWaiters(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, waiters: Waiters) -> None:
        super().__init__(following)
        self._waiters = waiters

    async def execute_activity(self, input: ExecuteActivityInput) -> object:  # noqa: A002 - the SDK's name
        match activity.info().activity_type:
            case "hold_slot":
                return await self._hold(input)
            case "confirm_appointment":
                return await self._confirm(input)
            case "move_appointment":
                return await self._move(input)
            case _:
                return await super().execute_activity(input)

    async def _hold(self, given: ExecuteActivityInput) -> Hold:
        request: BookingRequest = given.args[0]
        try:
            hold: Hold = await super().execute_activity(given)
        except ApplicationError as error:
            if (refusal := _refusal_in(error)) is not None:
                self._waiters.tell(HOLD_SLOT, _refused(request, refusal))
            raise
        if hold.appointment.status in {Status.HELD, Status.CONFIRMED}:
            self._waiters.tell(HOLD_SLOT, _done(request, hold.appointment))
        return hold

    async def _confirm(self, given: ExecuteActivityInput) -> Confirmation:
        confirmed: Confirmation = await super().execute_activity(given)
        if confirmed.status is Status.CONFIRMED:
            self._waiters.tell(CONFIRM_APPOINTMENT, _done(given.args[0], confirmed.appointment))
        return confirmed

    async def _move(self, given: ExecuteActivityInput) -> Appointment:
        move: Move = given.args[0]
        try:
            visit: Appointment = await super().execute_activity(given)
        except ApplicationError as error:
            if (refusal := _refusal_in(error)) is not None:
                outcome = _refused(move, refusal, Status.CONFIRMED)
                self._waiters.tell(MOVE_APPOINTMENT, outcome, asked=move.attempt_id)
            raise
        self._waiters.tell(MOVE_APPOINTMENT, _done(move, visit), asked=move.attempt_id)
        return visit


def _refusal_in(error: ApplicationError) -> Refusal | None:
    refusal = error.details[0] if error.type in REFUSALS else None
    return refusal if isinstance(refusal, Refusal) else None


def _done(asked: BookingRequest | Move, appointment: Appointment) -> Outcome:
    return Outcome(attempt_id=asked.attempt_id, appointment=appointment)


def _refused(
    asked: BookingRequest | Move, refusal: Refusal, status: Status = Status.REFUSED
) -> Outcome:
    """With the status that is left behind."""
    wish = asked_for(asked, status)
    return Outcome(attempt_id=asked.attempt_id, appointment=wish, refusal=refusal)
