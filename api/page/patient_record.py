"""A patient's record at the reception: the form as it was typed, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from pydantic import ValidationError

from adapters.postgres.consents import Agreed, consents_of
from adapters.postgres.database import Connection
from adapters.postgres.patients import find_patient, find_patients, patients_of
from adapters.postgres.proxies import proxies_of
from api.http.actor import Caller
from api.http.looks import note_people_on_page
from api.http.patient_schemas import NewPatient, PatientChange
from domain.patients import Patient, Proxy
from domain.permissions import Action, may_ever

FOUND = 6
FIELDS = ("fullName", "phone", "email", "birthDate", "language")

Wish = TypeVar("Wish", NewPatient, PatientChange)


@dataclass(frozen=True, kw_only=True)
class Typed:
    """What stands in the fields, by the API's names, and which of them are wrong."""

    values: Mapping[str, str]
    wrong: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Record:
    """Everything that the page says of one patient; `found` are others that were looked for."""

    patient: Patient
    consents: list[Agreed]
    proxies: list[Proxy]
    people: dict[UUID, Patient]
    """Who the proxies are, where they are patients themselves."""
    found: list[Patient] = field(default_factory=list)
    may_remove: bool

    @property
    def typed(self) -> Typed:
        person = self.patient.person
        born = "" if person.birth_date is None else person.birth_date.isoformat()
        return Typed(
            values={
                "fullName": person.full_name,
                "phone": person.phone or "",
                "email": person.email or "",
                "birthDate": born,
                "language": person.language,
            }
        )


def wished(kind: type[Wish], typed: Mapping[str, str], **more: object) -> Wish | frozenset[str]:
    """The wish as the API reads it; else the names of all fields that are wrong."""
    given = {name: value for name in FIELDS if (value := typed[name].strip())}
    missing = frozenset({"fullName"}) - given.keys()
    rest = {**dict.fromkeys(FIELDS), **dict.fromkeys(missing, "-"), **given}
    try:
        wish = kind.model_validate({**rest, **more})
    except ValidationError as error:
        faults = {str(each["loc"][0]) if each["loc"] else "phone" for each in error.errors()}
        return missing | faults
    return missing or wish


async def record_of(
    connection: Connection, patient_id: UUID, *, caller: Caller, sought: str | None
) -> Record:
    """Raises `PatientNotFound`. The look is in the audit trail."""
    patient = await find_patient(connection, patient_id)
    await note_people_on_page(connection, caller.actor, "read", [patient_id])
    proxies = list(await proxies_of(connection, patient_id))
    known = [each.proxy_patient_id for each in proxies if each.proxy_patient_id is not None]
    found = await find_patients(connection, sought, limit=FOUND + 1) if sought else []
    others = [each for each in found if each.patient_id != patient_id][:FOUND]
    people = await patients_of(connection, known)
    named = {*people, *(each.patient_id for each in others)}
    await note_people_on_page(connection, caller.actor, "find", named)
    return Record(
        patient=patient,
        consents=await consents_of(connection, patient_id),
        proxies=proxies,
        people=people,
        found=others,
        may_remove=may_ever(caller.actor, Action.REMOVE_PATIENT),
    )
