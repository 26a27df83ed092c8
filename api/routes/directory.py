"""Whom a patient can see: doctors, clinics and specialties."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Response
from pydantic import Field
from pydantic.config import JsonDict

from adapters.postgres.directory import (
    Clinic,
    DoctorCard,
    Specialty,
    find_doctor,
    list_clinics,
    list_doctors,
    list_specialties,
)
from adapters.postgres.reads import read
from api.dependencies import DatabaseDep
from api.http.actor import FOR_ANYBODY
from api.http.answers import NO_CACHE, JsonAnswer
from api.http.cursors import Cursor, Limit
from api.http.name_cursors import cursor_after, place_after
from api.http.schemas import CLINIC_ID, DOCTOR_ID, Body, Id, Instant, Text, example, page_example
from api.http.strict_query import StrictRoute
from domain.documents import timestamp

Item = TypeVar("Item")

DOCTORS, CLINICS, SPECIALTIES = "doctors", "clinics", "specialties"
"""Names of the lists in their cursors."""

router = APIRouter(tags=["directory"], route_class=StrictRoute, dependencies=[FOR_ANYBODY])

SpecialtyName = Annotated[
    Text | None, Query(description="only doctors of this specialty", examples=["cardiology"])
]
ClinicId = Annotated[Id | None, Query(alias="clinicId", description="only doctors of this clinic")]

EXAMPLE_DOCTOR: JsonDict = {
    "doctorId": DOCTOR_ID,
    "name": "Dr James Okafor",
    "specialty": "cardiology",
    "clinicId": CLINIC_ID,
    "clinicName": "Priyom Marylebone",
    "timeZone": "Europe/London",
    "slotMinutes": 30,
    "nextFree": "2027-03-01T06:30:00Z",
    "fullName": "Dr James Okafor",
    "practitionerId": "0d1f6a3e-41c1-4b43-9a0e-2a5d8a1f6f10",
    "serviceIds": [],
    "version": 1,
}
EXAMPLE_CLINIC: JsonDict = {
    "clinicId": CLINIC_ID,
    "name": "Priyom Marylebone",
    "address": "27 Wimpole Street, London",
    "phone": "+447700900999",
    "timeZone": "Europe/London",
    "version": 1,
}
EXAMPLE_SPECIALTY: JsonDict = {"name": "cardiology", "doctors": 4}


class DoctorBody(Body):
    """A doctor at one clinic."""

    model_config = example(EXAMPLE_DOCTOR)

    doctor_id: Id
    name: str
    specialty: str
    clinic_id: Id
    clinic_name: str
    time_zone: str = Field(examples=["Europe/Moscow"])
    slot_minutes: int
    next_free: Instant | None = Field(description="the next free slot of the coming 14 days")
    full_name: str = Field(description="the same as `name`, which is changed under this one")
    practitioner_id: Id = Field(description="the person, who may receive at other clinics, too")
    service_ids: list[Id] = Field(description="what the doctor offers")
    version: int = Field(description="grows by one with every change")


class DoctorPage(Body):
    """One page of doctors in the order of names."""

    model_config = page_example(EXAMPLE_DOCTOR)

    items: list[DoctorBody]
    next: str | None = Field(description="`cursor` of the next page, null at the end")


class ClinicBody(Body):
    """A clinic."""

    model_config = example(EXAMPLE_CLINIC)

    clinic_id: Id
    name: str
    address: str
    phone: str
    time_zone: str
    version: int = Field(description="grows by one with every change")


class ClinicPage(Body):
    """One page of clinics in the order of names."""

    model_config = page_example(EXAMPLE_CLINIC)

    items: list[ClinicBody]
    next: str | None = Field(description="`cursor` of the next page, null at the end")


class SpecialtyBody(Body):
    """A specialty and how many doctors have it."""

    model_config = example(EXAMPLE_SPECIALTY)

    name: str
    doctors: int


class SpecialtyPage(Body):
    """One page of specialties in the order of names."""

    model_config = page_example(EXAMPLE_SPECIALTY)

    items: list[SpecialtyBody]
    next: str | None = Field(description="`cursor` of the next page, null at the end")


@router.get(
    "/doctors",
    operation_id="listDoctors",
    response_model=DoctorPage,
    summary="Doctors and when each is free next",
)
async def doctors(
    database: DatabaseDep,
    specialty: SpecialtyName = None,
    clinic_id: ClinicId = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """Doctors, of one specialty or clinic if asked for."""
    after = place_after(cursor, of=DOCTORS)
    find = partial(
        list_doctors, limit=limit + 1, after=after, specialty=specialty, clinic_id=clinic_id
    )
    found = await read(database, find)
    return _page(
        found,
        limit,
        doctor_document,
        lambda card: cursor_after(card.name, card.doctor_id, of=DOCTORS),
    )


@router.get(
    "/doctors/{doctor_id}",
    operation_id="getDoctor",
    response_model=DoctorBody,
    summary="Read a doctor",
)
async def doctor(doctor_id: Id, database: DatabaseDep) -> Response:
    """With the clinic and the next free slot of the coming 14 days."""
    found = await read(database, partial(find_doctor, doctor_id=doctor_id))
    return JsonAnswer(doctor_document(found), headers=NO_CACHE)


@router.get(
    "/clinics", operation_id="listClinics", response_model=ClinicPage, summary="All clinics"
)
async def clinics(database: DatabaseDep, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """All clinics, in the order of names."""
    after = place_after(cursor, of=CLINICS)
    found = await read(database, partial(list_clinics, limit=limit + 1, after=after))
    return _page(
        found,
        limit,
        clinic_document,
        lambda clinic: cursor_after(clinic.name, clinic.clinic_id, of=CLINICS),
    )


@router.get(
    "/specialties",
    operation_id="listSpecialties",
    response_model=SpecialtyPage,
    summary="Specialties to choose from",
)
async def specialties(database: DatabaseDep, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """All specialties that a doctor has."""
    after = place_after(cursor, of=SPECIALTIES)
    last = None if after is None else after.name
    found = await read(database, partial(list_specialties, limit=limit + 1, after=last))
    return _page(
        found, limit, _specialty, lambda specialty: cursor_after(specialty.name, of=SPECIALTIES)
    )


def _page(
    found: list[Item],
    limit: int,
    document: Callable[[Item], dict[str, object]],
    cursor: Callable[[Item], str],
) -> Response:
    """A page of the first `limit`; that one more was found tells that there is a next page."""
    page = found[:limit]
    more = cursor(page[-1]) if len(found) > limit else None
    items = [document(item) for item in page]
    return JsonAnswer({"items": items, "next": more}, headers=NO_CACHE)


def doctor_document(card: DoctorCard) -> dict[str, object]:
    return {
        "doctorId": str(card.doctor_id),
        "name": card.name,
        "specialty": card.specialty,
        "clinicId": str(card.clinic_id),
        "clinicName": card.clinic_name,
        "timeZone": card.time_zone,
        "slotMinutes": card.slot_minutes,
        "nextFree": None if card.next_free is None else timestamp(card.next_free),
        "fullName": card.name,
        "practitionerId": str(card.practitioner_id),
        "serviceIds": [str(each) for each in card.service_ids],
        "version": card.version,
    }


def clinic_document(clinic: Clinic) -> dict[str, object]:
    return {
        "clinicId": str(clinic.clinic_id),
        "name": clinic.name,
        "address": clinic.address,
        "phone": clinic.phone,
        "timeZone": clinic.time_zone,
        "version": clinic.version,
    }


def _specialty(specialty: Specialty) -> dict[str, object]:
    return {"name": specialty.name, "doctors": specialty.doctors}
