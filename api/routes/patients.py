"""Patients' records: make, find, read, change, merge, erase."""

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.messages.phones import BadPhone, country_of, e164
from adapters.postgres import patients, removing_patients
from adapters.postgres.accounts import Subject
from adapters.postgres.database import Connection, Database
from adapters.postgres.reads import read
from adapters.postgres.removing_patients import Merge
from adapters.process.settings import Product, sign_in_of
from api.dependencies import CallersDep, DatabaseDep, Settings
from api.http.actor import (
    PatientChanger,
    PatientFinder,
    PatientReader,
    PatientRegistrar,
    PatientRemover,
)
from api.http.answers import NO_STORE, JsonAnswer
from api.http.cursors import Cursor, Limit, cursor_after_id, id_after
from api.http.json_route import JsonRoute
from api.http.looks import note
from api.http.openapi import problems
from api.http.patient_schemas import (
    ErasedBody,
    MergeOrder,
    NewPatient,
    PatientBody,
    PatientChange,
    PatientPage,
    contact_document,
    patient_document,
)
from api.http.problems import Malformed
from api.http.schemas import Id, Text
from domain.actors import Actor, Role
from domain.booking import Refusal
from domain.errors import PatientExists, PatientNotFound
from domain.patients import Patient, Person
from domain.permissions import Whose

router = APIRouter(prefix="/patients", tags=["patients"], route_class=JsonRoute)

LIST = "patients"
Sought = Annotated[
    Text,
    Query(
        min_length=1,
        description="words of the name in either alphabet, last digits of the phone, a birth date, "
        "or the code of a visit",
    ),
]


@router.post(
    "",
    status_code=201,
    response_model=PatientBody,
    summary="Make a patient's record",
    openapi_extra=problems("patient_exists"),
)
async def create(
    wish: NewPatient,
    caller: PatientRegistrar,
    database: DatabaseDep,
    settings: Settings,
    callers: CallersDep,
) -> Response:
    """A known patient is not made again: `patientId` names the record.

    A patient who has signed in makes their own, once, and is that patient from then on.
    """
    made = await registered(wish, caller.actor, database, settings)
    callers.forget_accounts()
    location = {"location": f"/api/v1/patients/{made.patient_id}"}
    return JsonAnswer(patient_document(made), status_code=201, headers=NO_STORE | location)


async def registered(
    wish: NewPatient, actor: Actor, database: Database, settings: Product
) -> Patient:
    """A new record. Raises `PatientExists`, and `Malformed` for what is no telephone."""
    is_own = actor.role is Role.PATIENT
    if is_own and actor.patient_id is not None:
        raise PatientExists(Refusal(code=PatientExists.code, patient_id=actor.patient_id))
    issuer = sign_in_of(settings)
    own = Subject(issuer=issuer, subject=actor.subject) if issuer and is_own else None
    person = Person(
        full_name=wish.full_name,
        phone=await _phone(database, wish.phone, actor.clinic_ids),
        email=wish.email,
        language=wish.language,
        birth_date=wish.birth_date,
        time_zone=wish.time_zone,
    )
    return await patients.register(database, person, actor.ref, list(actor.clinic_ids), own=own)


@router.get("", response_model=PatientPage, summary="Find patients")
async def find(
    q: Sought,
    caller: PatientFinder,
    database: DatabaseDep,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """Whom every word names; where nobody is found, one letter of each word may be wrong."""
    after = id_after(cursor, of=LIST)

    async def ask(connection: Connection) -> list[Patient]:
        found = await patients.find_patients(connection, q, limit=limit + 1, after=after)
        await note(connection, caller.actor, "find", [each.patient_id for each in found[:limit]])
        return found

    found = await read(database, ask, caller.sees_patients)
    following = (
        cursor_after_id(found[limit - 1].patient_id, of=LIST) if len(found) > limit else None
    )
    items = [patient_document(each) for each in found[:limit]]
    return JsonAnswer({"items": items, "next": following}, headers=NO_STORE)


@router.get("/{patient_id}", response_model=PatientBody, summary="Read a patient's record")
async def look(patient_id: Id, caller: PatientReader, database: DatabaseDep) -> Response:
    """Staff's look at it is in the audit trail. A doctor reads name and contact alone."""
    actor = await _checked_reader(caller, database, patient_id)

    async def ask(connection: Connection) -> Patient:
        found = await patients.find_patient(connection, patient_id)
        await note(connection, actor, "read", [patient_id])
        return found

    found = await read(database, ask, caller.sees_patients)
    told = contact_document if actor.role is Role.DOCTOR else patient_document
    return JsonAnswer(told(found), headers=NO_STORE)


@router.patch(
    "/{patient_id}",
    response_model=PatientBody,
    summary="Change a patient's record",
    openapi_extra=problems("patient_not_found", "changed"),
)
async def change(
    patient_id: Id, wish: PatientChange, caller: PatientChanger, database: DatabaseDep
) -> Response:
    """Only what is named changes; another `version` than the record's changes nothing."""
    actor = caller.check(Whose(patient_id=patient_id), hidden=PatientNotFound)
    sees = caller.sees_patients
    before = await read(database, partial(patients.find_patient, patient_id=patient_id), sees)
    named = {name: getattr(wish, name) for name in wish.model_fields_set - {"version"}}
    if "phone" in named:
        named["phone"] = await _phone(database, wish.phone, actor.clinic_ids)
    person = replace(before.person, **named)
    if person.phone is None and person.email is None:
        raise Malformed("phone", "one of phone and email must stay")
    wanted = Patient(patient_id=patient_id, person=person, version=wish.version)
    changed = await patients.change(database, wanted, actor.ref, list(actor.clinic_ids), sees=sees)
    return JsonAnswer(patient_document(changed), headers=NO_STORE)


@router.post(
    "/{patient_id}/merge",
    response_model=PatientBody,
    summary="Merge two records of one person",
    openapi_extra=problems("patient_not_found", "patient_busy"),
)
async def merge(
    patient_id: Id,
    order: MergeOrder,
    caller: PatientRemover,
    database: DatabaseDep,
    callers: CallersDep,
) -> Response:
    """Visits, consents and proxies go over to `into`; this record is found no more."""
    if order.into == patient_id:
        raise Malformed("into", "must be another record")
    actor = caller.actor
    await removing_patients.merge(
        database,
        Merge(patient_id=patient_id, into=order.into),
        actor.ref,
        list(actor.clinic_ids),
    )
    callers.forget_accounts()
    kept = await read(
        database, partial(patients.find_patient, patient_id=order.into), caller.sees_patients
    )
    return JsonAnswer(patient_document(kept), headers=NO_STORE)


@router.post(
    "/{patient_id}/erase",
    response_model=ErasedBody,
    summary="Erase a patient",
    openapi_extra=problems("patient_not_found", "has_visits"),
)
async def erase(
    patient_id: Id, caller: PatientRemover, database: DatabaseDep, callers: CallersDep
) -> Response:
    """Name, contact and birth date are gone for good; visits stay, without a person."""
    actor = caller.actor
    await removing_patients.erase(database, patient_id, actor.ref, list(actor.clinic_ids))
    callers.forget_accounts()
    return JsonAnswer({"patientId": str(patient_id)}, headers=NO_STORE)


async def _checked_reader(caller: PatientReader, database: Database, patient_id: UUID) -> Actor:
    """A doctor reads those of the own days."""
    own = caller.actor.practitioner_id
    whose = Whose(patient_id=patient_id)
    if own is not None:
        sees = partial(patients.is_seen_by, patient_id=patient_id, practitioner_id=own)
        if await read(database, sees):
            whose = Whose(patient_id=patient_id, practitioner_id=own)
    return caller.check(whose, hidden=PatientNotFound)


async def _phone(database: Database, phone: str | None, clinics: Collection[UUID]) -> str | None:
    if phone is None:
        return None
    known = await read(database, partial(patients.phones_of, clinics=list(clinics)))
    try:
        return e164(phone, country=country_of(known))
    except BadPhone:
        raise Malformed("phone", "must be a phone number") from None
