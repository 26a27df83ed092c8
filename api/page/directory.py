"""Whom the patient may choose from, and what the patient has ahead already."""

from dataclasses import dataclass
from uuid import UUID

from adapters.postgres.database import Connection
from adapters.postgres.directory import (
    Clinic,
    DoctorCard,
    Specialty,
    list_clinics,
    list_doctors,
    list_specialties,
)
from adapters.postgres.visits import PatientVisit, visits_ahead

AT_MOST = 100
"""A page of more doctors is no help in choosing one: specialty and clinic are."""


@dataclass(frozen=True, kw_only=True)
class Directory:
    """The doctors of one choice, and the choices there are."""

    doctors: list[DoctorCard]
    specialties: list[Specialty]
    clinics: list[Clinic]
    ahead: list[PatientVisit]


async def directory(
    connection: Connection,
    *,
    specialty: str | None,
    clinic_id: UUID | None,
    patient_id: UUID | None,
) -> Directory:
    return Directory(
        doctors=await list_doctors(
            connection, limit=AT_MOST, specialty=specialty, clinic_id=clinic_id
        ),
        specialties=await list_specialties(connection, limit=AT_MOST),
        clinics=await list_clinics(connection, limit=AT_MOST),
        ahead=[] if patient_id is None else await visits_ahead(connection, patient_id),
    )
