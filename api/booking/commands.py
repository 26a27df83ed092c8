"""What a patient does with an appointment: confirm it, give it up, ask for more time, read it."""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from adapters.postgres.appointments import Seen, see
from adapters.postgres.database import Database
from adapters.postgres.direct import Plain
from adapters.postgres.reads import read_plainly
from api.booking.run_history import RunHistory
from api.booking.runs import Runs
from api.booking.temporal_errors import NoAnswer, NoRun
from domain.booking import Actor, Appointment, Cancellation, Outcome, Role, Status
from domain.errors import (
    AlreadyCancelled,
    AlreadyConfirmed,
    AppointmentNotFound,
    Changed,
    HoldExpired,
    Refused,
    TooLate,
    VersionMismatch,
    refused,
)

MAX_ROUNDS = 3
"""A visit that changes while it is being cancelled is read again, but not for ever."""


REMINDER_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Found:
    """An appointment as it is now; `code` says why a refused one was."""

    appointment: Appointment
    code: str | None = None


class Commands:
    """Commands about one appointment. The row is looked at before a run is asked."""

    def __init__(self, database: Database, runs: Runs) -> None:
        self._database = database
        self._runs = runs
        self._confirming: Counter[UUID] = Counter()

    async def find(self, appointment_id: UUID) -> Found:
        seen = await self._see(appointment_id)
        if seen is not None:
            return Found(appointment=seen.appointment)
        try:
            story = await self._runs.story(appointment_id)
        except NoRun:
            raise AppointmentNotFound from None
        seen = await self._see(appointment_id)  # the run may have written it meanwhile
        return Found(appointment=seen.appointment) if seen else _told_by(story)

    async def confirm(self, appointment_id: UUID) -> Appointment:
        """From before it looks until it is answered, nobody here calls the hold over."""
        self._confirming[appointment_id] += 1
        try:
            return await self._confirm(appointment_id)
        finally:
            self._confirming[appointment_id] -= 1
            if not self._confirming[appointment_id]:
                del self._confirming[appointment_id]

    async def _confirm(self, appointment_id: UUID) -> Appointment:
        seen = await self._see(appointment_id, own=1)
        if seen is None or seen.appointment.status is Status.HELD:
            try:
                return _agreed(await self._runs.confirm(appointment_id))
            except (NoRun, AlreadyConfirmed):
                seen = await self._see(appointment_id, own=1)
            if seen is None:
                raise await self._why_never_held(appointment_id)
            if seen.appointment.status is Status.HELD:
                # Its run was ended by force, perhaps with this very step in hand: the row decides
                # when it is confirmed after all, when it lapses or when the audit releases it.
                raise NoAnswer(appointment_id)
        elif seen.appointment.status is Status.CONFIRMED and seen.hold_is_ahead:
            await self._remind_the_run(appointment_id)
        return _confirmed(seen.appointment)

    async def _remind_the_run(self, appointment_id: UUID) -> None:
        """Say it again to a run that may still wait, since its server died with the first word.

        The row is confirmed all the same; a run that knows has the answer stored, for no Action.
        """
        with suppress(NoRun, NoAnswer, Refused, TimeoutError):
            async with asyncio.timeout(REMINDER_SECONDS):
                await self._runs.confirm(appointment_id)

    async def extend(self, appointment_id: UUID, version: int) -> Appointment:
        """The run first: the same version again is given the same stored answer."""
        try:
            return await self._extend(appointment_id, version)
        except NoRun:
            seen = await self._see(appointment_id)
            if seen is None:
                raise await self._why_never_held(appointment_id) from None
            if seen.appointment.status is Status.HELD:  # as for a confirm, nobody knows yet
                raise NoAnswer(appointment_id) from None
            raise _why_not_extended(seen.appointment) from None

    async def _extend(self, appointment_id: UUID, version: int) -> Appointment:
        try:
            return _agreed(await self._runs.extend(appointment_id, version))
        except VersionMismatch:
            seen = await self._see(appointment_id)
            if seen is None:
                raise
            if seen.appointment.status is not Status.HELD:  # the run has yet to learn of the end
                raise _why_not_extended(seen.appointment) from None
            if seen.appointment.version != version:
                raise
        # Either the row was extended, but the run's server died with the word: that one is said
        # again first. Or the run is only about to learn of its hold, and has by now.
        if version > 1:
            await self._runs.extend(appointment_id, version - 1)
        return _agreed(await self._runs.extend(appointment_id, version))

    async def cancel(
        self, appointment_id: UUID, reason: str, version: int | None = None
    ) -> Appointment:
        """With a version: only what the caller has seen is cancelled, else `Changed`."""
        for _ in range(MAX_ROUNDS):
            seen = await self._see(appointment_id)
            if seen is None and version is not None:
                raise await self._why_never_held(appointment_id)
            if seen is not None and version is not None:
                _refuse_what_changed(seen.appointment, version)
            try:
                return await self._cancel(appointment_id, seen, reason)
            except (NoRun, AlreadyConfirmed, AlreadyCancelled, VersionMismatch):
                continue  # it changed under our hands
        raise HoldExpired  # it is a hold that nobody waits for, and keeps changing

    async def _cancel(self, appointment_id: UUID, seen: Seen | None, reason: str) -> Appointment:
        if seen is None:
            return await self._cancel_pending(appointment_id, reason)
        if seen.appointment.status is Status.CANCELLED:
            return seen.appointment
        if seen.appointment.status is Status.EXPIRED:
            raise HoldExpired
        if seen.appointment.status is Status.HELD:
            try:
                return _agreed(await self._runs.give_up(appointment_id, reason))
            except NoRun:
                pass  # nobody waits for this hold: it is cancelled as a visit is, by its row
        if seen.has_begun:
            raise TooLate
        return _agreed(await self._runs.cancel(_cancellation(seen.appointment, reason)))

    async def _cancel_pending(self, appointment_id: UUID, reason: str) -> Appointment:
        try:
            return _agreed(await self._runs.give_up(appointment_id, reason))
        except NoRun:
            if await self._see(appointment_id) is None:
                raise await self._why_never_held(appointment_id) from None
            raise

    async def _why_never_held(self, appointment_id: UUID) -> Refused:
        """The refusal that its run ended with; where there was no run, there is no appointment."""
        try:
            story = await self._runs.story(appointment_id)
        except NoRun:
            return AppointmentNotFound()
        if story.result is None:
            raise NoAnswer(appointment_id)
        return story.refusal

    async def _see(self, appointment_id: UUID, *, own: int = 0) -> Seen | None:
        """A hold that is over is called so unless its confirmation is on its way to the row.

        `own` is how many of the confirmations on their way are the caller's.
        """

        async def ask(connection: Plain) -> Seen | None:
            return await see(connection, appointment_id)

        seen = await read_plainly(self._database, ask)
        if seen is None or seen.appointment.status is not Status.EXPIRED:
            return seen
        if not seen.may_be_confirmed:
            return seen
        is_on_its_way = self._confirming[appointment_id] > own
        if not is_on_its_way and not await self._has_reached_its_run(appointment_id):
            return seen
        return replace(seen, appointment=replace(seen.appointment, status=Status.HELD))

    async def _has_reached_its_run(self, appointment_id: UUID) -> bool:
        """Where Temporal does not say, it may have."""
        try:
            return await self._runs.has_heard_confirm(appointment_id)
        except NoAnswer:
            return True


def _agreed(outcome: Outcome) -> Appointment:
    if outcome.refusal is not None:
        raise refused(outcome.refusal)
    return outcome.appointment


def _confirmed(appointment: Appointment) -> Appointment:
    match appointment.status:
        case Status.CONFIRMED:
            return appointment
        case Status.CANCELLED:
            raise AlreadyCancelled
        case _:
            raise HoldExpired


def _refuse_what_changed(appointment: Appointment, seen_version: int) -> None:
    """What is over cannot be harmed: it has an answer of its own."""
    is_live = appointment.status in {Status.HELD, Status.CONFIRMED}
    if is_live and appointment.version != seen_version:
        raise Changed


def _why_not_extended(appointment: Appointment) -> Refused:
    match appointment.status:
        case Status.CONFIRMED:
            return AlreadyConfirmed()
        case Status.CANCELLED:
            return AlreadyCancelled()
        case _:
            return HoldExpired()


def _cancellation(appointment: Appointment, reason: str) -> Cancellation:
    return Cancellation(
        appointment_id=appointment.appointment_id,
        attempt_id=uuid4(),
        patient_id=appointment.patient_id,
        doctor_id=appointment.doctor_id,
        clinic_id=appointment.clinic_id,
        starts_at=appointment.starts_at,
        version=appointment.version or 1,
        reason=reason,
        actor=Actor(id=str(appointment.patient_id), role=Role.PATIENT),
    )


def _told_by(story: RunHistory) -> Found:
    """Without a row an appointment is on its way, or was refused."""
    request, result = story.request, story.result
    appointment = Appointment(
        appointment_id=request.appointment_id,
        status=Status.PENDING if result is None else result.status,
        patient_id=request.patient_id,
        doctor_id=request.doctor_id,
        clinic_id=request.clinic_id,
        starts_at=request.starts_at,
    )
    return Found(appointment=appointment, code=None if result is None else result.code)
