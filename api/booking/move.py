"""Move a visit: refuse what the database refuses, answer what is so already, begin one run."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Protocol
from uuid import UUID, uuid4

from adapters.postgres.alternatives import free_alternatives
from adapters.postgres.database import Database
from adapters.postgres.reads import read, read_by_cursor
from adapters.postgres.where_to import Target, look_at_target
from api.booking.move_order import Moved, MoveKeys, MoveOrder
from api.booking.run_summary import RunSummary
from api.booking.single_flight import KeyLocks
from api.booking.taken_offers import id_that_answers
from api.booking.temporal_errors import NoAnswer, NoRun
from api.http.actor import check
from domain.actors import Actor
from domain.booking import Appointment, Move, Outcome, Placement, Status
from domain.clinic_rules import passes_rules, refuse_moving
from domain.errors import (
    AppointmentNotFound,
    NotASlot,
    NotConfirmed,
    OtherSpecialty,
    Refused,
    SlotTaken,
    refused,
)
from domain.permissions import Action, Whose
from domain.rules import check_target, refuse_unmovable
from domain.slot import day_of

Slot = tuple[UUID, datetime]

MAX_ROUNDS = 3
"""Another call with the same version may have been answered for another slot: then look again."""

BEGINNINGS_AT_ONCE = 24
"""As for holds."""


class Runs(Protocol):
    """What is asked of runs here."""

    async def move(self, move: Move) -> Outcome: ...

    async def moving(self, appointment_id: UUID, version: int) -> Outcome: ...

    async def summary(self, appointment_id: UUID) -> RunSummary: ...

    async def none_of(self, appointment_id: UUID) -> None: ...


class Moves:
    """Moves of confirmed visits. One run is begun at a time for each slot in this process."""

    def __init__(
        self, database: Database, runs: Runs, secret: bytes, previous: bytes | None = None
    ) -> None:
        self._database = database
        self._keys = MoveKeys(database, secret, previous)
        self._runs = runs
        self._turns: KeyLocks[Slot] = KeyLocks()
        self._beginnings = asyncio.Semaphore(BEGINNINGS_AT_ONCE)

    async def move(self, order: MoveOrder) -> Moved:
        """Raises `Refused`, `ReplayedRefusal`, or `NoAnswer` where a run may have begun."""
        for _ in range(MAX_ROUNDS):
            seen = await self._look(order)
            visit_id = await id_that_answers(self._database, seen.visit)
            if visit_id != order.appointment_id:
                order = replace(order, appointment_id=visit_id)
                seen = await self._look(order)
            try:
                if (settled := await self._settled(order, seen)) is not None:
                    return settled
                return await self._in_turn(order, seen)
            except (NoRun, _AnotherMove):
                continue
        raise NoAnswer(order.appointment_id)

    async def _settled(self, order: MoveOrder, seen: Target) -> Moved | None:
        """The answer if no run is needed for it; None where the visit may go there."""
        if (told := await self._keys.answered(order, seen.visit)) is not None:
            return told
        if _is_there(order, seen):
            return Moved(appointment=seen.visit)
        try:
            await self._refuse(order, seen)
        except Refused as refusal:
            await self._hear_of_a_run_under_way(order, seen)
            await self._keys.refuse(order, seen.visit, refusal)
            raise
        return None

    async def _hear_of_a_run_under_way(self, order: MoveOrder, seen: Target) -> None:
        """An earlier try that had no answer may have begun a run, and that decides, not this look.

        Nothing is still to come of a version that the visit has left behind.
        """
        if not _stands_as_seen(order, seen):
            return
        with suppress(NoRun):
            await self._runs.moving(order.appointment_id, order.version)
        if not _stands_as_seen(order, await self._look(order)):
            raise _AnotherMove

    async def _in_turn(self, order: MoveOrder, seen: Target) -> Moved:
        """Of a hundred who want one slot at once, one begins a run, and the others read its row."""
        slot = seen.wish.doctor_id, order.starts_at
        while not self._turns.is_free(slot):
            await self._turns.end_of(slot)
            seen = await self._look(order)
            if (settled := await self._settled(order, seen)) is not None:
                return settled
        async with self._turns.turn(slot), self._beginnings:
            move = _move(order, seen)
            await self._keys.bind(order, seen.visit)
            outcome = await self._runs.move(move)
        return await self._answer(order, move, outcome)

    async def _look(self, order: MoveOrder) -> Target:
        ask = partial(
            look_at_target,
            appointment_id=order.appointment_id,
            doctor_id=order.doctor_id,
            starts_at=order.starts_at,
            let_in=partial(check, order.by, Action.CHANGE_VISIT, hidden=AppointmentNotFound),
        )
        try:
            seen = await read_by_cursor(self._database, ask)
        except AppointmentNotFound:
            await self._runs.none_of(order.appointment_id)
            raise
        if seen is not None:
            actor = _let_in(order, seen.visit, seen.practitioner_id)
            may_pass = order.is_offered or passes_rules(
                actor.ref_for(seen.visit.patient_id), order.reason
            )
            return replace(seen, wish=replace(seen.wish, passes_rules=may_pass))
        try:
            run = await self._runs.summary(order.appointment_id)
        except NoRun:
            raise AppointmentNotFound from None
        _let_in(order, run.appointment)
        if run.had_a_row:
            raise NoAnswer(order.appointment_id)
        raise NotConfirmed if run.result is None else run.refusal

    async def _refuse(self, order: MoveOrder, seen: Target) -> None:
        """Say no to what needs no run to be refused."""
        refuse_unmovable(seen.visit, version=order.version, has_begun=seen.has_begun)
        if not seen.wish.passes_rules:
            refuse_moving(seen.ruled)
        actor = _let_in(order, seen.visit, seen.practitioner_id)
        if seen.specialty != seen.wanted_specialty and not actor.role.is_staff:
            raise OtherSpecialty
        _let_in_there(actor, seen)
        try:
            check_target(seen.wish, seen.facts)
        except Refused as refusal:
            raise await self._with_alternatives(seen, refusal) from None

    async def _answer(self, order: MoveOrder, move: Move, outcome: Outcome) -> Moved:
        told = outcome.appointment
        if (told.doctor_id, told.starts_at) != (move.doctor_id, move.starts_at):
            raise _AnotherMove
        if outcome.refusal is None:
            return Moved(appointment=told)
        seen = await self._look(order)
        refusal = await self._with_alternatives(seen, refused(outcome.refusal))
        await self._keys.refuse(order, seen.visit, refusal)
        raise refusal

    async def _with_alternatives(self, seen: Target, refusal: Refused) -> Refused:
        """Their own: what stands in the way of one who moves is no other's business."""
        if not isinstance(refusal, NotASlot | SlotTaken):
            return refusal
        wish = seen.wish
        ask = partial(
            free_alternatives,
            patient_id=wish.patient_id,
            doctor_id=wish.doctor_id,
            starts_at=wish.starts_at,
            moving=seen.visit,
        )
        free = await read(self._database, ask)
        return refused(replace(refusal.refusal, alternatives=free))


class _AnotherMove(Exception):
    """The run of this version was begun by another call, for another slot perhaps."""


def _let_in(order: MoveOrder, visit: Appointment, practitioner_id: UUID | None = None) -> Actor:
    """Whoever may not move it is told what they are told where there is none."""
    whose = Whose(
        patient_id=visit.patient_id,
        practitioner_id=practitioner_id,
        clinic_id=visit.clinic_id,
    )
    return check(order.by, Action.CHANGE_VISIT, whose, hidden=AppointmentNotFound)


def _let_in_there(actor: Actor, seen: Target) -> None:
    """Staff book for their own clinics, there as well."""
    if seen.facts.desk is not None:
        whose = Whose(patient_id=seen.visit.patient_id, clinic_id=seen.facts.desk.clinic_id)
        check(actor, Action.BOOK, whose, hidden=AppointmentNotFound)


def _stands_as_seen(order: MoveOrder, seen: Target) -> bool:
    visit = seen.visit
    return visit.status is Status.CONFIRMED and visit.version == order.version


def _is_there(order: MoveOrder, seen: Target) -> bool:
    """The visit stands where it shall go: that of an older version was moved there, perhaps."""
    visit, version = seen.visit, seen.visit.version or 0
    if visit.status is not Status.CONFIRMED or order.version > version:
        return False
    return (visit.doctor_id, visit.starts_at) == (seen.wish.doctor_id, order.starts_at)


def _move(order: MoveOrder, seen: Target) -> Move:
    visit, (desk, slot) = seen.visit, check_target(seen.wish, seen.facts)
    previous = Placement(
        doctor_id=visit.doctor_id,
        clinic_id=visit.clinic_id,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at or visit.starts_at,
    )
    same_day = day_of(visit.starts_at, desk.zone) == day_of(slot.starts_at, desk.zone)
    return Move(
        appointment_id=visit.appointment_id,
        attempt_id=uuid4(),
        patient_id=visit.patient_id,
        version=order.version,
        previous=previous,
        doctor_id=desk.doctor_id,
        clinic_id=desk.clinic_id,
        starts_at=slot.starts_at,
        leaves_day=visit.doctor_id != desk.doctor_id or not same_day,
        reason=order.reason,
        is_offered=order.is_offered,
        actor=_let_in(order, visit, seen.practitioner_id).ref_for(visit.patient_id),
    )
