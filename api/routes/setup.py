"""A manager sets up a clinic: the clinic itself, its services, its doctors."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.postgres import setup
from adapters.postgres.reads import read
from api.dependencies import DatabaseDep, SetupDep
from api.http.actor import FOR_ANYBODY, ClinicChanger, ClinicMaker
from api.http.answers import NO_CACHE, JsonAnswer
from api.http.cursors import Cursor, Limit
from api.http.json_route import JsonRoute
from api.http.name_cursors import cursor_after, place_after
from api.http.openapi import problems
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

router = APIRouter(tags=["setup"], route_class=JsonRoute)

SERVICES = "services"
ServicesOf = Annotated[Text | None, Query(description="only of this specialty")]


@router.post("/clinics", status_code=201, response_model=ClinicBody, summary="Make a clinic")
async def create_clinic(wish: NewClinic, caller: ClinicMaker, desk: SetupDep) -> Response:
    """Whoever makes it is from then on one of its managers."""
    return JsonAnswer(clinic_document(await desk.make_clinic(wish, caller)), status_code=201)


@router.patch(
    "/clinics/{clinic_id}",
    response_model=ClinicBody,
    summary="Change a clinic",
    openapi_extra=problems("changed"),
)
async def change_clinic(
    clinic_id: Id, wish: ClinicChange, caller: ClinicChanger, desk: SetupDep
) -> Response:
    """Only what is named changes. In another time zone doctors' plans are published anew."""
    return JsonAnswer(clinic_document(await desk.change_clinic(clinic_id, wish, caller)))


@router.post(
    "/doctors",
    status_code=201,
    response_model=DoctorBody,
    summary="Add a doctor",
    openapi_extra=problems("clinic_not_found", "service_not_found"),
)
async def create_doctor(wish: NewDoctor, caller: ClinicChanger, desk: SetupDep) -> Response:
    """A doctor is one at one clinic, on a grid of `slotMinutes`."""
    return JsonAnswer(doctor_document(await desk.make_doctor(wish, caller)), status_code=201)


@router.patch(
    "/doctors/{doctor_id}",
    response_model=DoctorBody,
    summary="Change a doctor",
    openapi_extra=problems("changed", "service_not_found"),
)
async def change_doctor(
    doctor_id: Id, wish: DoctorChange, caller: ClinicChanger, desk: SetupDep
) -> Response:
    """Only what is named changes; visits that are booked keep their times."""
    return JsonAnswer(doctor_document(await desk.change_doctor(doctor_id, wish, caller)))


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
    items = [service_document(each) for each in page]
    return JsonAnswer({"items": items, "next": following}, headers=NO_CACHE)


@router.post(
    "/services",
    status_code=201,
    response_model=ServiceBody,
    summary="Add a service",
    openapi_extra=problems("clinic_not_found"),
)
async def create_service(wish: NewService, caller: ClinicChanger, desk: SetupDep) -> Response:
    """Doctors offer it once they name it among their `serviceIds`."""
    return JsonAnswer(service_document(await desk.make_service(wish, caller)), status_code=201)


@router.patch(
    "/services/{service_id}",
    response_model=ServiceBody,
    summary="Change a service",
    openapi_extra=problems("changed"),
)
async def change_service(
    service_id: Id, wish: ServiceChange, caller: ClinicChanger, desk: SetupDep
) -> Response:
    """Only what is named changes; visits that are booked keep their minutes."""
    return JsonAnswer(service_document(await desk.change_service(service_id, wish, caller)))
