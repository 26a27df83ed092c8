"""A manager sets up a clinic: the clinic itself, its services, its doctors."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import Response

from adapters.postgres import setup
from adapters.postgres.accounts import Subject
from adapters.postgres.database import Database
from adapters.postgres.directory import clinic_of, find_clinic, find_doctor, whose_doctor
from adapters.postgres.reads import read
from adapters.process.settings import sign_in_of
from api.dependencies import CallersDep, DatabaseDep, PublishingDep, Settings
from api.http.actor import FOR_ANYBODY, Caller, ClinicChanger, ClinicMaker
from api.http.answers import JsonAnswer
from api.http.cursors import Cursor, Limit
from api.http.json_route import JsonRoute
from api.http.name_cursors import cursor_after, place_after
from api.http.openapi import problems
from api.http.problems import Malformed
from api.http.schemas import Id, Text
from api.http.setup_schemas import (
    ClinicChange,
    DoctorChange,
    NewClinic,
    NewDoctor,
    NewService,
    ServiceBody,
    ServiceChange,
    ServicePage,
    service_document,
)
from api.routes.directory import ClinicBody, ClinicId, DoctorBody, clinic_document, doctor_document
from domain.actors import ActorRef
from domain.errors import ClinicNotFound, DoctorNotFound, ServiceNotFound
from domain.permissions import Whose

router = APIRouter(tags=["setup"], route_class=JsonRoute)

SERVICES = "services"
ServicesOf = Annotated[Text | None, Query(description="only of this specialty")]


@router.post("/clinics", status_code=201, response_model=ClinicBody, summary="Make a clinic")
async def create_clinic(
    wish: NewClinic,
    caller: ClinicMaker,
    database: DatabaseDep,
    settings: Settings,
    callers: CallersDep,
) -> Response:
    """Whoever makes it is from then on one of its managers."""
    issuer = sign_in_of(settings)
    manager = Subject(issuer=issuer, subject=caller.actor.subject) if issuer else None
    clinic_id = await setup.make_clinic(database, wish.model_dump(), caller.actor.ref, manager)
    callers.forget_accounts()
    return await _clinic(database, clinic_id, status=201)


@router.patch(
    "/clinics/{clinic_id}",
    response_model=ClinicBody,
    summary="Change a clinic",
    openapi_extra=problems("changed"),
)
async def change_clinic(
    clinic_id: Id,
    wish: ClinicChange,
    caller: ClinicChanger,
    database: DatabaseDep,
    publishing: PublishingDep,
) -> Response:
    """Only what is named changes. In another time zone doctors' plans are published anew."""
    actor = await _at_clinic(caller, database, clinic_id)
    await setup.change_clinic(database, clinic_id, wish.version, _facts(wish), actor)
    if wish.time_zone is not None:
        await publishing.begin(clinic_id, wish.version + 1)
    return await _clinic(database, clinic_id)


@router.post(
    "/doctors",
    status_code=201,
    response_model=DoctorBody,
    summary="Add a doctor",
    openapi_extra=problems("clinic_not_found", "service_not_found"),
)
async def create_doctor(wish: NewDoctor, caller: ClinicChanger, database: DatabaseDep) -> Response:
    """A doctor is one at one clinic, on a grid of `slotMinutes`."""
    actor = await _at_clinic(caller, database, wish.clinic_id)
    facts = wish.model_dump(exclude={"service_ids"})
    made = await setup.make_doctor(database, facts, wish.service_ids, actor)
    return await _doctor(database, made, status=201)


@router.patch(
    "/doctors/{doctor_id}",
    response_model=DoctorBody,
    summary="Change a doctor",
    openapi_extra=problems("changed", "service_not_found"),
)
async def change_doctor(
    doctor_id: Id, wish: DoctorChange, caller: ClinicChanger, database: DatabaseDep
) -> Response:
    """Only what is named changes; visits that are booked keep their times."""
    whose = await read(database, partial(whose_doctor, doctor_id=doctor_id))
    actor = caller.check(whose, hidden=DoctorNotFound).ref
    if wish.clinic_id not in {None, whose.clinic_id}:
        raise Malformed("clinicId", "cannot be changed: add the doctor at the other clinic")
    if wish.practitioner_id not in {None, whose.practitioner_id}:
        raise Malformed("practitionerId", "cannot be changed")
    offers = wish.service_ids
    await setup.change_doctor(
        database, doctor_id, wish.version, _facts(wish), offers=offers, actor=actor
    )
    return await _doctor(database, doctor_id)


@router.get(
    "/services",
    response_model=ServicePage,
    summary="What patients may come for",
    dependencies=[FOR_ANYBODY],
)
async def list_services(
    database: DatabaseDep,
    clinic_id: ClinicId = None,
    specialty: ServicesOf = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """Services, of one clinic or specialty if asked for."""
    ask = partial(
        setup.list_services,
        limit=limit + 1,
        after=place_after(cursor, of=SERVICES),
        clinic_id=clinic_id,
        specialty=specialty,
    )
    found = await read(database, ask)
    page = found[:limit]
    more = len(found) > limit
    following = cursor_after(page[-1].name, page[-1].service_id, of=SERVICES) if more else None
    return JsonAnswer({"items": [service_document(each) for each in page], "next": following})


@router.post(
    "/services",
    status_code=201,
    response_model=ServiceBody,
    summary="Add a service",
    openapi_extra=problems("clinic_not_found"),
)
async def create_service(
    wish: NewService, caller: ClinicChanger, database: DatabaseDep
) -> Response:
    """Doctors offer it once they name it among their `serviceIds`."""
    actor = await _at_clinic(caller, database, wish.clinic_id)
    made = await setup.make_service(database, wish.model_dump(), actor)
    return JsonAnswer(service_document(made), status_code=201)


@router.patch(
    "/services/{service_id}",
    response_model=ServiceBody,
    summary="Change a service",
    openapi_extra=problems("changed"),
)
async def change_service(
    service_id: Id, wish: ServiceChange, caller: ClinicChanger, database: DatabaseDep
) -> Response:
    """Only what is named changes; visits that are booked keep their minutes."""
    known = await read(database, partial(setup.find_service, service_id=service_id))
    actor = caller.check(Whose(clinic_id=known.clinic_id), hidden=ServiceNotFound).ref
    changed = await setup.change_service(database, service_id, wish.version, _facts(wish), actor)
    return JsonAnswer(service_document(changed))


async def _at_clinic(caller: Caller, database: Database, clinic_id: UUID) -> ActorRef:
    """The manager, where there is such a clinic and it is one of theirs."""
    known = await read(database, partial(clinic_of, clinic_id=clinic_id))
    if known is None:
        raise ClinicNotFound
    return caller.check(Whose(clinic_id=clinic_id), hidden=ClinicNotFound).ref


async def _clinic(database: Database, clinic_id: UUID, *, status: int = 200) -> Response:
    found = await read(database, partial(find_clinic, clinic_id=clinic_id))
    return JsonAnswer(clinic_document(found), status_code=status)


async def _doctor(database: Database, doctor_id: UUID, *, status: int = 200) -> Response:
    found = await read(database, partial(find_doctor, doctor_id=doctor_id))
    return JsonAnswer(doctor_document(found), status_code=status)


def _facts(wish: BaseModel) -> dict[str, object]:
    return wish.model_dump(exclude={"version", "service_ids"})
