"""Hold a slot for a patient: refuse what the database refuses, replay what was answered before."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from uuid import UUID, uuid4

from adapters.postgres.alternatives import free_alternatives
from adapters.postgres.appointments import see
from adapters.postgres.booking_facts import load_facts, terms_at_first
from adapters.postgres.database import Database
from adapters.postgres.reads import read, read_by_cursor
from adapters.process.settings import Product
from api.booking.hold_order import Held, Order, ReplayedRefusal, Slot, View
from api.booking.idempotency import appointment_id_of, held_at_first, refuse_another_wish
from api.booking.run_summary import RunSummary
from api.booking.runs import Runs
from api.booking.single_flight import KeyLocks, SingleFlight
from api.booking.temporal_errors import NoAnswer, NoRun
from api.http.actor import check, forbidden
from api.http.problems import Problem
from domain.actors import Actor, ActorRef, Role
from domain.booking import Alternative, Appointment, BookingRequest, Outcome
from domain.clinic_rules import passes_rules
from domain.errors import (
    HoldExpired,
    NotASlot,
    PatientNotFound,
    Refused,
    SlotTaken,
    refused,
)
from domain.permissions import Action, Whose
from domain.rules import DoctorGrid, Facts, SlotWish, check_rules
from domain.slot import days_of

Tell = Callable[[UUID, date], None]
"""Tells open pages that a doctor's day has changed; nobody waits for it."""

BEGINNINGS_AT_ONCE = 24
"""Fewer than the worker's free slots. Excess callers queue here rather than in Temporal, where an
abandoned call would leave a stored task. They queue before they read, so that the first runs begin
while the last of a crowd are still read."""


class Bookings:
    """Holds for patients. One run is begun at a time for each slot in this process."""

    def __init__(  # noqa: PLR0913 - what holds are made with
        self,
        database: Database,
        runs: Runs,
        product: Product,
        secret: bytes,
        *,
        tell: Tell,
        previous: bytes | None = None,
    ) -> None:
        self._tell = tell
        self._database = database
        self._runs = runs
        self._product = product
        self._secret = secret
        self._previous = previous
        self._turns: KeyLocks[Slot] = KeyLocks()
        self._beginnings = asyncio.Semaphore(BEGINNINGS_AT_ONCE)
        self._alternatives: SingleFlight[tuple[UUID, datetime, UUID | None], list[Alternative]] = (
            SingleFlight()
        )

    async def hold(  # noqa: PLR0913 - the parts of a POST
        self,
        patient_id: UUID,
        doctor_id: UUID,
        starts_at: datetime,
        key: str | None,
        *,
        by: Actor,
        service_id: UUID | None = None,
        reason: str | None = None,
        overbook: bool = False,
    ) -> Held:
        """Raises `Refused`, `ReplayedRefusal`, or `NoAnswer` where a run may have begun."""
        order = Order(
            appointment_id=await self._id_of(patient_id, key, by),
            attempt_id=uuid4(),
            wish=SlotWish(
                patient_id=patient_id,
                doctor_id=doctor_id,
                starts_at=starts_at,
                max_holds=self._product.max_holds_per_patient,
                service_id=service_id,
                overbook=overbook,
                hold_seconds=self._product.hold_seconds,
                holder=by.holder,
                by_staff=by.at_desk or by.role.is_staff,
            ),
            has_key=key is not None,
            by=by,
            reason=reason,
        )
        return await self._in_turn(order)

    async def _id_of(self, patient_id: UUID, key: str | None, by: Actor) -> UUID:
        """A key that was bound under the secret before goes on to lead to its appointment."""
        if key is not None and self._previous is not None:
            before = appointment_id_of(self._previous, patient_id, key, sent_by=by)
            if await read_by_cursor(self._database, partial(see, appointment_id=before)):
                return before
        return appointment_id_of(self._secret, patient_id, key, sent_by=by)

    async def _in_turn(self, order: Order) -> Held:
        """The first for a slot goes ahead; the others look again when its turn has ended.

        So of 200 simultaneous wishes for one slot one begins a run, and 199 read its row.
        """
        seen: View | None = None
        while not self._turns.is_free(order.slot):
            await self._turns.end_of(order.slot)
            seen = await self._look(order)
            if (settled := await self._settled(order, seen)) is not None:
                return settled
        async with self._turns.turn(order.slot), self._beginnings:
            if seen is None:
                seen = await self._look(order)
                if (settled := await self._settled(order, seen)) is not None:
                    return settled
            return await self._begin(order, seen)

    async def _look(self, order: Order) -> View:
        ask = partial(load_facts, wish=order.wish, appointment_id=order.appointment_id)
        facts, own = await read_by_cursor(self._database, ask)
        actor = _let_in(order, facts)
        wish = replace(order.wish, passes_rules=passes_rules(actor, order.reason))
        return View(
            facts=facts,
            own=own,
            actor=actor,
            wish=wish,
            may_book_service=_may_book_service(order, actor, facts),
        )

    async def _settled(self, order: Order, seen: View) -> Held | None:
        """The answer if no run is needed for it; None where the slot is free to be held."""
        if seen.own is not None:
            return await self._replay(order, seen.own)
        try:
            if not seen.may_book_service:
                raise forbidden()
            check_rules(seen.wish, seen.facts)
        except (Refused, Problem) as refusal:
            if order.has_key and (answer := await self._bound_answer(order)) is not None:
                return answer
            if isinstance(refusal, Problem):
                raise
            raise await self._with_alternatives(order, refusal) from None
        return None

    async def _bound_answer(self, order: Order) -> Held | None:
        """What the run of this id answered, if there was one that history still has."""
        try:
            return await self._told(order)
        except NoRun:
            return None

    async def _begin(self, order: Order, seen: View) -> Held:
        desk, slot = check_rules(seen.wish, seen.facts)
        request = self._request(order, desk, seen.actor)
        local = slot.starts_at.astimezone(desk.zone)
        summary = f"doctor {desk.doctor_id} at {local:%Y-%m-%d %H:%M} {desk.zone.key}"
        try:
            outcome = await self._runs.hold(request, summary=summary)
        except NoRun:  # the run has ended without a stored answer: its row tells how
            return await self._from_row(order)
        held = await self._answer(order, outcome)
        if not held.replayed:
            for day in sorted(days_of(slot, desk.zone)):
                self._tell(desk.doctor_id, day)
        return held

    async def _from_row(self, order: Order) -> Held:
        """How a run ended that no longer answers."""
        seen = await self._look(order)
        if seen.own is not None:
            return await self._replay(order, seen.own)
        try:
            return await self._told(order)
        except NoRun:
            raise NoAnswer(order.appointment_id) from None

    async def _told(self, order: Order) -> Held:
        """What a run without a row was told; one that is not told yet is waited for."""
        run = await self._summary(order)
        if run.is_running:
            with suppress(NoRun):  # it has ended meanwhile
                return await self._answer(order, await self._runs.held(order.appointment_id))
            run = await self._runs.summary(order.appointment_id)
        if run.result is None:
            raise NoAnswer(order.appointment_id)
        if run.had_a_row:
            return await self._kept(order)
        refusal = await self._with_alternatives(order, run.refusal)
        if run.attempt_id == order.attempt_id:
            raise refusal
        raise ReplayedRefusal(refusal)

    async def _answer(self, order: Order, outcome: Outcome) -> Held:
        refuse_another_wish(order, outcome.appointment, None)
        is_replay = outcome.attempt_id != order.attempt_id
        if outcome.refusal is None:
            if is_replay:
                return await self._kept(order)
            return Held(appointment=outcome.appointment, replayed=False)
        refusal = refused(outcome.refusal)
        if is_replay:
            await self._summary(order)
            raise ReplayedRefusal(await self._with_alternatives(order, refusal))
        raise await self._with_alternatives(order, refusal)

    async def _kept(self, order: Order) -> Held:
        """A hold that was answered before, told from its row; where that is lost, nobody knows."""
        seen = await self._look(order)
        if seen.own is None:
            raise NoAnswer(order.appointment_id)
        return await self._replay(order, seen.own)

    async def _replay(self, order: Order, own: Appointment) -> Held:
        """The row is there: the hold as it was answered."""
        ask = partial(terms_at_first, appointment_id=own.appointment_id)
        refuse_another_wish(order, own, await read_by_cursor(self._database, ask))
        try:
            return Held(appointment=held_at_first(own), replayed=True)
        except HoldExpired as refusal:
            raise ReplayedRefusal(refusal) from None

    async def _summary(self, order: Order) -> RunSummary:
        """Of the run that the key is bound to."""
        run = await self._runs.summary(order.appointment_id)
        refuse_another_wish(order, run.appointment, run.terms)
        return run

    async def _with_alternatives(self, order: Order, refusal: Refused) -> Refused:
        """Those who are refused one slot at the same time are offered the same others."""
        if (
            not isinstance(refusal, NotASlot | SlotTaken)
            or refusal.refusal.alternatives is not None
        ):
            return refusal

        ask = partial(
            free_alternatives,
            patient_id=order.wish.patient_id,
            doctor_id=order.wish.doctor_id,
            starts_at=order.wish.starts_at,
            service_id=order.wish.service_id,
        )
        asked = (*order.slot, order.wish.service_id)
        free = await self._alternatives.ask(asked, lambda: read(self._database, ask))
        return refused(replace(refusal.refusal, alternatives=free))

    def _request(self, order: Order, desk: DoctorGrid, actor: ActorRef) -> BookingRequest:
        return BookingRequest(
            appointment_id=order.appointment_id,
            attempt_id=order.attempt_id,
            patient_id=order.wish.patient_id,
            doctor_id=desk.doctor_id,
            clinic_id=desk.clinic_id,
            starts_at=order.wish.starts_at,
            hold_seconds=self._product.hold_seconds,
            max_holds=order.wish.max_holds,
            origin="reception" if order.by.at_desk or actor.role.is_staff else "patient",
            actor=actor,
            service_id=order.wish.service_id,
            reason=order.reason,
            overbook=order.wish.overbook,
        )


def _let_in(order: Order, facts: Facts) -> ActorRef:
    """Whoever books; a doctor who does not exist is refused later, whoever it is.

    On top of others only reception and managers book, and whoever calls where nobody signs in.
    """
    if facts.desk is None:
        return order.by.ref
    whose = Whose(patient_id=order.wish.patient_id, clinic_id=facts.desk.clinic_id)
    actor = check(order.by, Action.BOOK, whose, hidden=PatientNotFound)
    if order.wish.overbook and actor.role is Role.PATIENT:
        raise forbidden()
    return actor.ref_for(order.wish.patient_id)


def _may_book_service(order: Order, actor: ActorRef, facts: Facts) -> bool:
    """Some are booked by the clinic alone."""
    is_patient = actor.role is Role.PATIENT and not order.by.is_anyone
    return not is_patient or facts.service is None or facts.service.self_bookable
