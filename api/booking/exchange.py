"""Exchange two visits: one transaction, then a run for each that tells everybody of its move."""

import asyncio
from dataclasses import replace
from typing import Protocol
from uuid import UUID, uuid4

from structlog import get_logger

from adapters.postgres.database import Database
from adapters.postgres.exchange import Exchanged, SeenVisit, exchange_visits
from api.booking.taken_offers import see_what_answers
from api.booking.temporal_errors import NoAnswer, NoRun
from api.http.actor import Caller
from domain.actors import ActorRef
from domain.booking import Appointment, Move, Outcome, Placement
from domain.errors import AppointmentNotFound
from domain.permissions import Whose

log = get_logger(__name__)


class Runs(Protocol):
    """What is asked of runs here."""

    async def move(self, move: Move) -> Outcome: ...


class Exchanges:
    """Exchanges of confirmed visits, by staff."""

    def __init__(self, database: Database, runs: Runs) -> None:
        self._database = database
        self._runs = runs

    async def exchange(
        self, first: SeenVisit, second: SeenVisit, *, by: Caller
    ) -> tuple[Appointment, Appointment]:
        """Each at the other's time and doctor, or `Refused` and neither."""
        first, actor = await self._let_in(first, by)
        second, _ = await self._let_in(second, by)
        both = await exchange_visits(self._database, first, second, actor)
        await asyncio.gather(*(self._tell(each, actor) for each in both))
        return both[0].after, both[1].after

    async def _let_in(self, named: SeenVisit, by: Caller) -> tuple[SeenVisit, ActorRef]:
        """The visit that answers to this id, and the caller in the role that lets him."""
        found = await see_what_answers(self._database, named.appointment_id)
        if found is None:
            raise AppointmentNotFound
        visit = found.appointment
        whose = Whose(patient_id=visit.patient_id, clinic_id=visit.clinic_id)
        actor = by.check(whose, hidden=AppointmentNotFound)
        return replace(named, appointment_id=visit.appointment_id), actor.ref

    async def _tell(self, moved: Exchanged, actor: ActorRef) -> None:
        """Its step finds the move made. Where no run can be begun, the audit announces it."""
        try:
            await self._runs.move(_move(moved, actor))
        except (NoAnswer, NoRun) as error:
            named: UUID = moved.after.appointment_id
            log.warning("exchange_not_told", appointment=named, error=type(error).__name__)


def _move(moved: Exchanged, actor: ActorRef) -> Move:
    before, after = moved.before, moved.after
    return Move(
        appointment_id=after.appointment_id,
        attempt_id=uuid4(),
        patient_id=after.patient_id,
        version=(after.version or 1) - 1,
        previous=Placement(
            doctor_id=before.doctor_id,
            clinic_id=before.clinic_id,
            starts_at=before.starts_at,
            ends_at=before.ends_at or before.starts_at,
        ),
        doctor_id=after.doctor_id,
        clinic_id=after.clinic_id,
        starts_at=after.starts_at,
        leaves_day=True,
        reason=None,
        actor=actor,
    )
