"""Mark whether a patient came: refuse what the row refuses, begin one run for what it does not."""

from functools import partial
from typing import Protocol
from uuid import UUID, uuid4

from adapters.postgres.attendance import see_attended
from adapters.postgres.database import Database
from adapters.postgres.reads import read_by_cursor
from api.booking.taken_offers import id_that_answers
from api.booking.temporal_errors import NoAnswer, NoRun
from api.http.actor import Caller
from domain.actors import ActorRef
from domain.attendance import Attended, Mark, Settlement, marked_as_seen
from domain.booking import Appointment, Outcome
from domain.errors import AppointmentNotFound, refused
from domain.permissions import Whose

MAX_ROUNDS = 3
"""The run of this version may have been another's, who marked it otherwise: then look again."""


class Runs(Protocol):
    """What is asked of runs here."""

    async def settle(self, settlement: Settlement) -> Outcome: ...


class Attendance:
    """Marks on visits: each is fenced by the version that its caller saw."""

    def __init__(self, database: Database, runs: Runs) -> None:
        self._database = database
        self._runs = runs

    async def mark(
        self, appointment_id: UUID, mark: Mark, *, version: int, by: Caller
    ) -> Appointment:
        """Raises `Refused`, or `NoAnswer` where a run may have begun.

        The same mark on the same version again is answered with the visit as it is.
        """
        for _ in range(MAX_ROUNDS):
            seen = await self._look(appointment_id, mark, version)
            actor = _let_in(seen, by)
            if seen.was_made:
                return seen.visit
            settlement = _settlement(seen, mark, version=version, actor=actor)
            try:
                outcome = await self._runs.settle(settlement)
            except NoRun:
                continue
            if outcome.refusal is not None:
                raise refused(outcome.refusal)
            if outcome.attempt_id == settlement.attempt_id:
                return outcome.appointment
        raise NoAnswer(appointment_id)

    async def _look(self, appointment_id: UUID, mark: Mark, version: int) -> Attended:
        ask = partial(see_attended, appointment_id=appointment_id, mark=mark, version=version)
        seen = await read_by_cursor(self._database, ask)
        if seen is None:
            raise AppointmentNotFound
        visit_id = await id_that_answers(self._database, seen.visit)
        return seen if visit_id == appointment_id else await self._look(visit_id, mark, version)


def _let_in(seen: Attended, by: Caller) -> ActorRef:
    whose = Whose(
        patient_id=seen.visit.patient_id,
        practitioner_id=seen.practitioner_id,
        clinic_id=seen.visit.clinic_id,
    )
    return by.check(whose, hidden=AppointmentNotFound).ref


def _settlement(seen: Attended, mark: Mark, *, version: int, actor: ActorRef) -> Settlement:
    visit, becomes = seen.visit, marked_as_seen(seen, mark, version=version)
    return Settlement(
        appointment_id=visit.appointment_id,
        attempt_id=uuid4(),
        patient_id=visit.patient_id,
        doctor_id=visit.doctor_id,
        clinic_id=visit.clinic_id,
        starts_at=visit.starts_at,
        version=version,
        mark=mark,
        status=visit.status,
        becomes=becomes,
        actor=actor,
    )
