"""A manager's commands: a clinic, its services, its doctors. The API and the pages send them."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from pydantic import BaseModel

from adapters.postgres import setup
from adapters.postgres.accounts import Subject
from adapters.postgres.database import Database
from adapters.postgres.directory import (
    Clinic,
    DoctorCard,
    clinic_of,
    find_clinic,
    find_doctor,
    whose_doctor,
)
from adapters.postgres.reads import read
from adapters.postgres.setup import Service
from api.http.actor import Caller, Callers
from api.http.problems import Malformed
from api.http.setup_schemas import (
    ClinicChange,
    DoctorChange,
    NewClinic,
    NewDoctor,
    NewService,
    ServiceChange,
)
from api.schedule.publishing import Publishing
from domain.actors import ActorRef
from domain.errors import ClinicNotFound, DoctorNotFound, ServiceNotFound
from domain.permissions import Whose


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Every command asks whether its caller may; `issuer` is null where nobody signs in."""

    database: Database
    callers: Callers
    publishing: Publishing
    issuer: str | None

    async def make_clinic(self, wish: NewClinic, by: Caller) -> Clinic:
        """Whoever makes it is from then on one of its managers."""
        manager = Subject(issuer=self.issuer, subject=by.actor.subject) if self.issuer else None
        made = await setup.make_clinic(self.database, wish.model_dump(), by.actor.ref, manager)
        self.callers.forget_accounts()
        return await self._clinic(made)

    async def change_clinic(self, clinic_id: UUID, wish: ClinicChange, by: Caller) -> Clinic:
        """In another time zone doctors' plans are published anew."""
        actor = await self._at_clinic(by, clinic_id)
        await setup.change_clinic(self.database, clinic_id, wish.version, _facts(wish), actor)
        if wish.time_zone is not None:
            await self.publishing.begin(clinic_id, wish.version + 1)
        return await self._clinic(clinic_id)

    async def make_doctor(self, wish: NewDoctor, by: Caller) -> DoctorCard:
        actor = await self._at_clinic(by, wish.clinic_id)
        facts = wish.model_dump(exclude={"service_ids"})
        made = await setup.make_doctor(self.database, facts, wish.service_ids, actor)
        return await self._doctor(made)

    async def change_doctor(self, doctor_id: UUID, wish: DoctorChange, by: Caller) -> DoctorCard:
        whose = await read(self.database, partial(whose_doctor, doctor_id=doctor_id))
        actor = by.check(whose, hidden=DoctorNotFound).ref
        if wish.clinic_id not in {None, whose.clinic_id}:
            raise Malformed("clinicId", "cannot be changed: add the doctor at the other clinic")
        if wish.practitioner_id not in {None, whose.practitioner_id}:
            raise Malformed("practitionerId", "cannot be changed")
        offers = wish.service_ids
        await setup.change_doctor(
            self.database, doctor_id, wish.version, _facts(wish), offers=offers, actor=actor
        )
        return await self._doctor(doctor_id)

    async def make_service(self, wish: NewService, by: Caller) -> Service:
        actor = await self._at_clinic(by, wish.clinic_id)
        return await setup.make_service(self.database, wish.model_dump(), actor)

    async def change_service(self, service_id: UUID, wish: ServiceChange, by: Caller) -> Service:
        """Visits that are booked keep their minutes."""
        known = await read(self.database, partial(setup.find_service, service_id=service_id))
        actor = by.check(Whose(clinic_id=known.clinic_id), hidden=ServiceNotFound).ref
        return await setup.change_service(
            self.database, service_id, wish.version, _facts(wish), actor
        )

    async def _at_clinic(self, by: Caller, clinic_id: UUID) -> ActorRef:
        """The manager, where there is such a clinic and it is one of theirs."""
        known = await read(self.database, partial(clinic_of, clinic_id=clinic_id))
        if known is None:
            raise ClinicNotFound
        return by.check(Whose(clinic_id=clinic_id), hidden=ClinicNotFound).ref

    async def _clinic(self, clinic_id: UUID) -> Clinic:
        return await read(self.database, partial(find_clinic, clinic_id=clinic_id))

    async def _doctor(self, doctor_id: UUID) -> DoctorCard:
        return await read(self.database, partial(find_doctor, doctor_id=doctor_id))


def _facts(wish: BaseModel) -> dict[str, object]:
    return wish.model_dump(exclude={"version", "service_ids"})
