"""Patients' records: make, find, read, change, merge, erase, and who may act for a patient."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.messages.phones import BadPhone, country_of, e164
from adapters.postgres import patients, proxies, removing_patients
from adapters.postgres.database import Connection, Database
from adapters.postgres.reads import read
from adapters.postgres.removing_patients import Merge
from adapters.postgres.trail import note_look
from api.dependencies import CallersDep, DatabaseDep
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
from api.http.openapi import problems
from api.http.patient_schemas import (
    ErasedBody,
    MergeOrder,
    NewPatient,
    NewProxy,
    PatientBody,
    PatientChange,
    PatientPage,
    ProxyBody,
    ProxyPage,
    patient_document,
    proxy_document,
)
from api.http.problems import Malformed
from api.http.schemas import Id, Text
from domain.actors import Actor
from domain.errors import PatientNotFound
from domain.patients import Patient, Person, Proxy
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
async def create(wish: NewPatient, caller: PatientRegistrar, database: DatabaseDep) -> Response:
    """A known patient is not made again: `patientId` names the record."""
    actor = caller.actor
    person = Person(
        full_name=wish.full_name,
        phone=await _phone(database, wish.phone, actor.clinic_ids),
        email=wish.email,
        language=wish.language,
        birth_date=wish.birth_date,
        time_zone=wish.time_zone,
    )
    made = await patients.register(database, person, actor.ref, list(actor.clinic_ids))
    location = {"location": f"/api/v1/patients/{made.patient_id}"}
    return JsonAnswer(patient_document(made), status_code=201, headers=NO_STORE | location)


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
        await _note(connection, caller.actor, "find", [each.patient_id for each in found[:limit]])
        return found

    found = await read(database, ask)
    following = (
        cursor_after_id(found[limit - 1].patient_id, of=LIST) if len(found) > limit else None
    )
    items = [patient_document(each) for each in found[:limit]]
    return JsonAnswer({"items": items, "next": following}, headers=NO_STORE)


@router.get("/{patient_id}", response_model=PatientBody, summary="Read a patient's record")
async def look(patient_id: Id, caller: PatientReader, database: DatabaseDep) -> Response:
    """Staff's look at it is in the audit trail."""
    actor = await _checked_reader(caller, database, patient_id)

    async def ask(connection: Connection) -> Patient:
        found = await patients.find_patient(connection, patient_id)
        await _note(connection, actor, "read", [patient_id])
        return found

    return JsonAnswer(patient_document(await read(database, ask)), headers=NO_STORE)


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
    before = await read(database, partial(patients.find_patient, patient_id=patient_id))
    named = {name: getattr(wish, name) for name in wish.model_fields_set - {"version"}}
    if "phone" in named:
        named["phone"] = await _phone(database, wish.phone, actor.clinic_ids)
    person = replace(before.person, **named)
    if person.phone is None and person.email is None:
        raise Malformed("phone", "one of phone and email must stay")
    wanted = Patient(patient_id=patient_id, person=person, version=wish.version)
    changed = await patients.change(database, wanted, actor.ref, list(actor.clinic_ids))
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
    kept = await read(database, partial(patients.find_patient, patient_id=order.into))
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


@router.get("/{patient_id}/proxies", response_model=ProxyPage, summary="Who acts for a patient")
async def list_proxies(patient_id: Id, caller: PatientChanger, database: DatabaseDep) -> Response:
    """Those who may now."""
    caller.check(Whose(patient_id=patient_id), hidden=PatientNotFound)

    async def ask(connection: Connection) -> Response:
        await patients.find_patient(connection, patient_id)
        return _proxies(await proxies.proxies_of(connection, patient_id))

    return await read(database, ask)


@router.post(
    "/{patient_id}/proxies",
    status_code=201,
    response_model=ProxyBody,
    summary="Let somebody act for a patient",
    openapi_extra=problems("patient_not_found"),
)
async def allow_proxy(
    patient_id: Id,
    wish: NewProxy,
    caller: PatientChanger,
    database: DatabaseDep,
    callers: CallersDep,
) -> Response:
    """The same one again: the same proxy, with the new end."""
    actor = caller.check(Whose(patient_id=patient_id), hidden=PatientNotFound)
    if wish.patient_id == patient_id:
        raise Malformed("patientId", "must be somebody else")

    async def ask(connection: Connection) -> Response:
        made = await proxies.allow(
            connection,
            patient_id,
            subject=wish.subject,
            proxy_patient_id=wish.patient_id,
            until=wish.until,
        )
        await _note(connection, actor, "allow-proxy", [patient_id], always=True)
        return JsonAnswer(proxy_document(made), status_code=201, headers=NO_STORE)

    answer = await read(database, ask)
    callers.forget_accounts()
    return answer


@router.delete(
    "/{patient_id}/proxies/{proxy_id}",
    response_model=ProxyPage,
    summary="Let somebody act no more",
    openapi_extra=problems("proxy_not_found"),
)
async def end_proxy(
    patient_id: Id,
    proxy_id: Id,
    caller: PatientChanger,
    database: DatabaseDep,
    callers: CallersDep,
) -> Response:
    """From the answer on; those who are left."""
    actor = caller.check(Whose(patient_id=patient_id), hidden=PatientNotFound)

    async def ask(connection: Connection) -> Response:
        await proxies.end(connection, patient_id, proxy_id)
        await _note(connection, actor, "end-proxy", [patient_id], always=True)
        return _proxies(await proxies.proxies_of(connection, patient_id))

    answer = await read(database, ask)
    callers.forget_accounts()
    return answer


def _proxies(found: Sequence[Proxy]) -> Response:
    items = [proxy_document(each) for each in found]
    return JsonAnswer({"items": items, "next": None}, headers=NO_STORE)


async def _checked_reader(caller: PatientReader, database: Database, patient_id: UUID) -> Actor:
    """A doctor reads those of the own days."""
    own = caller.actor.practitioner_id
    whose = Whose(patient_id=patient_id)
    if own is not None:
        sees = partial(patients.is_seen_by, patient_id=patient_id, practitioner_id=own)
        if await read(database, sees):
            whose = Whose(patient_id=patient_id, practitioner_id=own)
    return caller.check(whose, hidden=PatientNotFound)


async def _note(
    connection: Connection,
    actor: Actor,
    action: str,
    seen: list[UUID],
    *,
    always: bool = False,
) -> None:
    """What patients themselves look at is nobody's business."""
    if seen and (always or actor.role.is_staff or actor.is_anyone):
        await note_look(connection, actor.ref, action, seen, clinics=actor.clinic_ids)


async def _phone(database: Database, phone: str | None, clinics: Collection[UUID]) -> str | None:
    if phone is None:
        return None
    known = await read(database, partial(patients.phones_of, clinics=list(clinics)))
    try:
        return e164(phone, country=country_of(known))
    except BadPhone:
        raise Malformed("phone", "must be a phone number") from None
