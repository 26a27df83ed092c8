"""The clinic in memory: the activities of the booking processes, with faults on demand.

Rows follow the rules of `adapters.postgres.take`, `end`, `move` and `cancel`; the contract test in
tests/integration runs the same stories on both.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.refusals import told_to_temporal
from adapters.temporal.client import UNAVAILABLE
from domain.actors import ActorRef
from domain.attendance import Settlement
from domain.booking import (
    Appointment,
    BookingRequest,
    Cancellation,
    Confirmation,
    Extension,
    Hold,
    Move,
    Release,
    Status,
)
from domain.errors import (
    AlreadyConfirmed,
    Changed,
    ExtensionLimit,
    Refused,
    SlotTaken,
    VersionMismatch,
)
from domain.events import AppointmentEvent
from domain.rules import refuse_ended, refuse_unmovable
from tests.builders import MONDAY_NINE, an_appointment


class FakeClinic:
    """Rows by id; `calls` lists what was done, `acted` by whom too, `faults` what goes wrong next,
    by activity name.
    """

    def __init__(self) -> None:
        self.rows: dict[UUID, Appointment] = {}
        self.moved: dict[tuple[UUID, int], Appointment] = {}
        self.calls: list[str] = []
        self.acted: list[tuple[str, ActorRef | None]] = []
        self.events: list[AppointmentEvent] = []
        self.shown: list[tuple[UUID, datetime]] = []
        self.faults: dict[str, list[Exception]] = defaultdict(list)
        self.gates: dict[str, asyncio.Event] = {}
        self.waiting: set[str] = set()
        self.hold_lasts: float | None = None
        self.still_lasts_seconds: list[float] = []

    @property
    def activities(self) -> list[Callable[..., Any]]:
        return [
            self.hold_slot,
            self.extend_hold,
            self.release_slot,
            self.confirm_appointment,
            self.cancel_appointment,
            self.move_appointment,
            self.settle_visit,
            self.publish_event,
            self.invalidate_schedule,
        ]

    def break_down(self, name: str, *, times: int) -> None:
        """The next `times` calls of an activity fail technically, before they did anything."""
        self.faults[name].extend(
            ApplicationError("PostgreSQL did not do it", type=UNAVAILABLE) for _ in range(times)
        )

    def refuse(self, name: str, refused: Refused) -> None:
        self.faults[name].append(refused)

    def confirm_behind_the_back(self, request: BookingRequest) -> None:
        """Another writer confirms the row, as after a reset of the run."""
        row = self.rows[request.appointment_id]
        self._write(row, status=Status.CONFIRMED, confirmed_at=MONDAY_NINE)

    def close_gate(self, name: str) -> asyncio.Event:
        """Calls of this activity wait until the gate is set."""
        return self.gates.setdefault(name, asyncio.Event())

    @activity.defn
    async def hold_slot(self, request: BookingRequest) -> Hold:
        await self._enter("hold_slot", request.actor)
        with told_to_temporal():
            row = self.rows.get(request.appointment_id) or self._take(request)
            lasts = request.hold_seconds if self.hold_lasts is None else self.hold_lasts
            return Hold(appointment=row, lasts_seconds=lasts)

    @activity.defn
    async def extend_hold(self, extension: Extension) -> Hold:
        await self._enter("extend_hold", extension.actor)
        with told_to_temporal():
            row = self.rows[extension.appointment_id]
            refuse_ended(row)
            if row.status is Status.CONFIRMED:
                raise AlreadyConfirmed
            if row.version not in {extension.version, extension.version + 1}:
                raise VersionMismatch
            extended = row
            if row.version == extension.version:
                if not row.extensions_left:
                    raise ExtensionLimit
                extended = self._write(row, extensions_left=row.extensions_left - 1)
            return Hold(appointment=extended, lasts_seconds=extension.hold_seconds)

    @activity.defn
    async def release_slot(self, release: Release) -> Hold:
        await self._enter("release_slot", release.request.actor)
        row = self.rows.get(release.request.appointment_id) or self._tombstone(release)
        if row.status is not Status.HELD:
            return Hold(appointment=row, lasts_seconds=0)
        if release.only_if_lapsed and self.still_lasts_seconds:
            return Hold(appointment=row, lasts_seconds=self.still_lasts_seconds.pop())
        ended = MONDAY_NINE if release.status is Status.CANCELLED else None
        released = self._write(
            row, status=release.status, reason=release.reason, cancelled_at=ended
        )
        return Hold(appointment=released, lasts_seconds=0)

    @activity.defn
    async def confirm_appointment(self, request: BookingRequest) -> Confirmation:
        await self._enter("confirm_appointment", request.actor)
        with told_to_temporal():
            return Confirmation(**vars(self._confirmed(self.rows[request.appointment_id])))

    def _confirmed(self, row: Appointment) -> Appointment:
        if row.status is Status.CANCELLED and row.confirmed_at and row.version:
            return replace(
                row,
                status=Status.CONFIRMED,
                version=row.version - 1,
                cancelled_at=None,
                reason=None,
            )
        refuse_ended(row)
        if row.status is Status.CONFIRMED:
            return row
        return self._write(row, status=Status.CONFIRMED, confirmed_at=MONDAY_NINE)

    @activity.defn
    async def cancel_appointment(self, cancellation: Cancellation) -> Appointment:
        await self._enter("cancel_appointment", cancellation.actor)
        with told_to_temporal():
            row = self.rows[cancellation.appointment_id]
            if row.status is Status.CANCELLED:
                return row
            if row.version != cancellation.version:
                raise VersionMismatch
            return self._write(
                row,
                status=Status.CANCELLED,
                cancelled_at=MONDAY_NINE,
                reason=cancellation.reason,
            )

    @activity.defn
    async def move_appointment(self, move: Move) -> Appointment:
        await self._enter("move_appointment", move.actor)
        with told_to_temporal():
            made = self.moved.get((move.appointment_id, move.version))
            if made and (made.doctor_id, made.starts_at) == (move.doctor_id, move.starts_at):
                return made
            row = self.rows[move.appointment_id]
            refuse_unmovable(row, version=move.version, has_begun=False)
            self._refuse_taken(move)
            written = self._write(
                row,
                doctor_id=move.doctor_id,
                clinic_id=move.clinic_id,
                starts_at=move.starts_at,
                ends_at=move.starts_at + timedelta(minutes=30),
                moves=row.moves + 1,
                rescheduled_at=MONDAY_NINE,
            )
            self.moved[move.appointment_id, move.version] = written
            return written

    @activity.defn
    async def settle_visit(self, settlement: Settlement) -> Appointment:
        await self._enter("settle_visit", settlement.actor)
        with told_to_temporal():
            row = self.rows[settlement.appointment_id]
            if row.version != settlement.version:
                raise Changed
            return self._write(row, status=settlement.becomes)

    @activity.defn
    async def publish_event(self, event: AppointmentEvent) -> None:
        await self._enter("publish_event")
        self.events.append(event)

    @activity.defn
    async def invalidate_schedule(self, appointment: Appointment) -> str:
        await self._enter("invalidate_schedule")
        self.shown.append((appointment.doctor_id, appointment.starts_at))
        return f"version after {appointment.version}"

    async def _enter(self, name: str, actor: ActorRef | None = None) -> None:
        if name in self.gates:
            self.waiting.add(name)
            await self.gates[name].wait()
        self.calls.append(name)
        self.acted.append((name, actor))
        if self.faults[name]:
            with told_to_temporal():
                raise self.faults[name].pop(0)

    def _take(self, request: BookingRequest) -> Appointment:
        self._refuse_taken(request)
        row = an_appointment(
            appointment_id=request.appointment_id,
            patient_id=request.patient_id,
            doctor_id=request.doctor_id,
            starts_at=request.starts_at,
            ends_at=request.starts_at + timedelta(minutes=30),
        )
        self.rows[row.appointment_id] = row
        return row

    def _refuse_taken(self, wish: BookingRequest | Move) -> None:
        wanted = (wish.doctor_id, wish.starts_at)
        live = {Status.HELD, Status.CONFIRMED}
        others = (r for r in self.rows.values() if r.appointment_id != wish.appointment_id)
        if any((r.doctor_id, r.starts_at) == wanted and r.status in live for r in others):
            raise SlotTaken

    def _tombstone(self, release: Release) -> Appointment:
        row = an_appointment(
            appointment_id=release.request.appointment_id,
            doctor_id=release.request.doctor_id,
            status=release.status,
            reason=release.reason,
        )
        self.rows[row.appointment_id] = row
        return row

    def _write(self, row: Appointment, **changes: Any) -> Appointment:
        assert row.version is not None
        written = replace(row, version=row.version + 1, **changes)
        self.rows[row.appointment_id] = written
        return written
