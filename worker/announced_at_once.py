"""A confirmed visit is announced by the step that confirmed it, behind the patient's answer.

The run hears with the step's result whether that was done, and does it itself where it was not: two
local activities and two activations less (docs/decisions/0128).
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from structlog import get_logger
from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.booking import Appointment, BookingRequest, Confirmation, Status
from domain.events import AppointmentEvent, appointment_confirmed
from worker.waiters import CONFIRM_APPOINTMENT, NotifyWaiters, Waiters

PAUSE_SECONDS = 0.004
"""Whoever was answered may ask for the next thing at once: that comes first."""

GIVES_WAY_SECONDS = 0.012
"""Pause included, for so long at most: then it is announced, whoever waits."""

ANNOUNCED_WITHIN_SECONDS = 0.25
"""Kafka or Redis may be away: then the run goes on with it."""

log = get_logger(__name__)


class Announcer(Protocol):
    """The activities `Announcements`, or a test's."""

    async def invalidate_schedule(self, appointment: Appointment) -> str: ...

    async def publish_event(self, event: AppointmentEvent) -> None: ...


def answer_then_announce(waiters: Waiters, announcements: Announcer) -> list[Interceptor]:
    """For the worker beside an API. The first stands in front: it is done when the others are."""
    return [AnnounceAtOnce(waiters, announcements), NotifyWaiters(waiters)]


class AnnounceAtOnce(Interceptor):
    """Stands in front of `NotifyWaiters`, and so announces when the patient has been answered."""

    def __init__(self, waiters: Waiters, announcements: Announcer) -> None:
        self._waiters = waiters
        self._announcements = announcements

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _AnnounceAtOnce(next, self._waiters, self._announcements)


class _AnnounceAtOnce(ActivityInboundInterceptor):
    def __init__(
        self,
        following: ActivityInboundInterceptor,
        waiters: Waiters,
        announcements: Announcer,
    ) -> None:
        super().__init__(following)
        self._waiters = waiters
        self._announcements = announcements

    async def execute_activity(self, input: ExecuteActivityInput) -> object:  # noqa: A002 - the SDK's name
        done = await super().execute_activity(input)
        if activity.info().activity_type != CONFIRM_APPOINTMENT:
            return done
        return await self._announced(input.args[0], done)

    async def _announced(self, request: BookingRequest, confirmed: Confirmation) -> Confirmation:
        """The day first, as the run does; a visit that has gone on since is left to the run."""
        if confirmed.status is not Status.CONFIRMED:
            return confirmed
        if not self._waiters.somebody_waits:
            await self._give_way()
        visit = confirmed.appointment
        try:
            async with asyncio.timeout(ANNOUNCED_WITHIN_SECONDS):
                await self._announcements.invalidate_schedule(visit)
                await self._announcements.publish_event(
                    appointment_confirmed(visit, by=request.actor.role)
                )
        except Exception as error:  # noqa: BLE001 - the run does it, and shows what is in its way
            log.info("not_announced_at_once", error=type(error).__name__)
            return replace(confirmed, announced=False)
        return replace(confirmed, announced=True)

    async def _give_way(self) -> None:
        """Wait for whoever was just answered and asks again. Among many, somebody always would."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GIVES_WAY_SECONDS):
                await asyncio.sleep(PAUSE_SECONDS)
                await self._waiters.are_gone()
