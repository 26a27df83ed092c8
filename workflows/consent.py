"""The ten minutes: a held slot waits for its patient, who confirms, cancels, or asks for time."""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow

from domain.actors import OPERATIONS, ActorRef
from domain.booking import CancelReason, Extension, Hold, Outcome, Release, Status
from domain.booking_record import BookingRecord
from domain.errors import Refused
from workflows import steps
from workflows.answers import answered
from workflows.details import show_booking

SHORTEST_WAIT = timedelta(milliseconds=50)
"""When the database's clock is behind the timer's, it is asked again this much later."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """Older builds name nobody, nor does the audit that reminds a run."""

    by: ActorRef | None = None


@dataclass(frozen=True, kw_only=True)
class Confirm(Command):
    """Confirm the appointment."""


@dataclass(frozen=True, kw_only=True)
class Cancel(Command):
    """Give the held slot back."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Extend(Command):
    """Let the hold last longer; `version` is the appointment as the patient saw it."""

    version: int


class Consent:
    """What the patient asks of a hold. Handlers put the request here and wait for the outcome."""

    def __init__(self, booking: BookingRecord) -> None:
        self._booking = booking
        self._requests: deque[Confirm | Cancel | Extend] = deque()
        self._lapses_at = workflow.now()
        self._withdrawn: str | None = None
        self._stopped_by_operations = False

    def record(self, hold: Hold) -> None:
        """The hold as the database has it, and how long it lasts from now on."""
        self._booking.record(hold.appointment)
        left = timedelta(seconds=hold.lasts_seconds)
        self._lapses_at = workflow.now() + max(left, SHORTEST_WAIT)

    async def is_given(self) -> bool:
        """Wait for the patient's word; more time starts the wait again."""
        while self._booking.status is Status.HELD:
            show_booking(self._booking, now="Waiting for the patient to confirm.")
            request = await self._next_request()
            self._booking.commanded(request.by if request else None)
            if isinstance(request, Confirm):
                return True
            if isinstance(request, Cancel):
                self._withdrawn = request.reason
                return False
            if isinstance(request, Extend):
                await self._give_more_time(request)
            else:
                await self._lapse()
        return self._booking.status is Status.CONFIRMED

    async def _next_request(self) -> Confirm | Cancel | Extend | None:
        """None when the time is over; a request that arrives together with the end comes first."""
        try:
            if not self._requests:
                await self._wait_for_a_request()
        except TimeoutError:
            return None
        if not self._requests:
            self._stopped_by_operations = True
            return Cancel(reason=CancelReason.CLINIC_REQUEST, by=OPERATIONS)
        return self._requests.popleft()

    async def _wait_for_a_request(self) -> None:
        await workflow.wait_condition(
            lambda: bool(self._requests) or workflow.cancellation_reason() is not None,
            timeout=self._lapses_at - workflow.now(),
            timeout_summary="the hold lapses unless the patient confirms",
        )

    async def _lapse(self) -> None:
        """The timer only asks: whether the hold is over, the database's clock decides."""
        lapse = Release(request=self._booking.command, status=Status.EXPIRED, only_if_lapsed=True)
        self.record(await steps.release_slot(lapse))

    async def _give_more_time(self, extend: Extend) -> None:
        command = self._booking.command
        extension = Extension(
            appointment_id=command.appointment_id,
            actor=command.actor,
            version=extend.version,
            hold_seconds=command.hold_seconds,
        )
        try:
            hold = await steps.extend_hold(extension)
        except Refused as refused:
            self._booking.extended(extend.version, refused.refusal)
        else:
            self.record(hold)
            self._booking.extended(extend.version)

    @property
    def release(self) -> Release:
        """How the slot is given back: on the patient's word, or without one."""
        status = Status.CANCELLED if self._withdrawn else Status.EXPIRED
        return Release(request=self._booking.command, status=status, reason=self._withdrawn)

    def raise_if_stopped(self) -> None:
        """For a run whose hold operations stopped, unless the visit turned out confirmed."""
        if self._stopped_by_operations and self._booking.status is Status.CANCELLED:
            raise asyncio.CancelledError

    async def asked(self, request: Confirm | Cancel, *, wish: Status) -> Outcome:
        self._requests.append(request)
        await workflow.wait_condition(lambda: self._booking.has_ended)
        return self._booking.outcome_of(wish)

    async def asked_for_time(self, request: Extend) -> Outcome:
        self._requests.append(request)
        return await answered(lambda: self._booking.outcome_of_extension(request.version))
