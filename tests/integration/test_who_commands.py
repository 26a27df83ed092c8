"""Whom a command names as its actor, told to the run of the booking."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from api.booking.commands import Commands
from api.booking.runs import Runs
from domain.actors import ANYONE, Actor, ActorRef, Role
from domain.booking import Cancellation, Outcome, Status
from domain.errors import AppointmentNotFound
from tests.builders import an_appointment
from tests.clinic_rows import Clinic, at


class Heard(Runs):
    """Runs that do everything at once and keep who asked."""

    def __init__(self) -> None:
        self.by: list[ActorRef | None] = []
        self.looked_in_vain = 0

    async def none_of(self, _appointment_id: UUID) -> None:
        self.looked_in_vain += 1

    async def confirm(self, appointment_id: UUID, by: ActorRef | None = None) -> Outcome:
        return self._done(appointment_id, by)

    async def give_up(
        self, appointment_id: UUID, _reason: str, by: ActorRef | None = None
    ) -> Outcome:
        return self._done(appointment_id, by)

    async def extend(
        self, appointment_id: UUID, _version: int, by: ActorRef | None = None
    ) -> Outcome:
        return self._done(appointment_id, by)

    async def cancel(self, cancellation: Cancellation) -> Outcome:
        return self._done(cancellation.appointment_id, cancellation.actor)

    def _done(self, appointment_id: UUID, by: ActorRef | None) -> Outcome:
        self.by.append(by)
        visit = an_appointment(appointment_id=appointment_id, status=Status.CONFIRMED)
        return Outcome(attempt_id=UUID(int=1), appointment=visit)


async def test_a_command_names_its_caller_in_the_role_that_lets_him(clinic: Clinic) -> None:
    patient, visit = await a_hold(clinic)
    own = uuid4()
    reception = Actor(
        subject="olga",
        roles=frozenset({Role.RECEPTION, Role.PATIENT}),
        patient_id=own,
        clinic_ids=frozenset({clinic.id}),
    )
    mother = Actor(
        subject="anna",
        roles=frozenset({Role.PATIENT}),
        patient_id=own,
        proxy_for=frozenset({patient}),
    )

    assert await told(clinic, visit, reception) == {reception.acting_as(Role.RECEPTION).ref}
    assert await told(clinic, visit, mother) == {ActorRef(id=str(own), role=Role.PATIENT)}


async def test_without_sign_in_a_patient_s_command_is_the_patient_s_and_the_desk_s_the_operator_s(
    clinic: Clinic,
) -> None:
    patient, visit = await a_hold(clinic)
    own = ActorRef(id=str(patient), role=Role.PATIENT)

    assert await told(clinic, visit, ANYONE) == {own, None}, "more time is asked for unseen"
    assert await told(clinic, visit, replace(ANYONE, at_desk=True)) == {ANYONE.ref, None}


async def test_a_strangers_appointment_takes_as_long_as_one_that_is_not_there(
    clinic: Clinic,
) -> None:
    """A run is looked for in either case, and in no other."""
    patient, visit = await a_hold(clinic)
    owner = Actor(subject="anna", roles=frozenset({Role.PATIENT}), patient_id=patient)
    stranger = replace(owner, subject="boris", patient_id=uuid4())
    heard = Heard()
    commands = Commands(clinic.database, heard)

    await commands.find(visit, owner)
    assert heard.looked_in_vain == 0
    for ask in (
        commands.find(visit, stranger),
        commands.confirm(visit, stranger),
        commands.cancel(visit, "mistake", by=stranger),
        commands.extend(visit, 1, stranger),
    ):
        with pytest.raises(AppointmentNotFound):
            await ask

    assert heard.looked_in_vain == 4


async def a_hold(clinic: Clinic) -> tuple[UUID, UUID]:
    patient = await clinic.patient()
    return patient, await clinic.hold(at("09:00"), patient_id=patient)


async def told(clinic: Clinic, visit: UUID, by: Actor) -> set[ActorRef | None]:
    """Who is named by each command to a hold, then by the cancellation of a visit."""
    heard = Heard()
    commands = Commands(clinic.database, heard)
    await commands.confirm(visit, by)
    await commands.extend(visit, 1, by)
    await commands.cancel(visit, "mistake", by=by)
    await clinic.becomes(visit, "confirmed")
    await commands.cancel(visit, "mistake", by=by)
    await clinic.becomes(visit, "held")
    assert len(heard.by) == 4
    return set(heard.by)
