"""Whom the patient may choose from, when somebody is free, and what the patient has ahead."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from adapters.postgres.database import Connection
from adapters.postgres.directory import (
    Clinic,
    DoctorCard,
    Specialty,
    doctors_of,
    list_clinics,
    list_doctors,
    list_specialties,
)
from adapters.postgres.slot_search import Wish, find_slots
from adapters.postgres.visits import PatientVisit, visits_ahead
from api.http.cursors import Place

AT_MOST = 100
"""A page of more doctors is no help in choosing one: specialty, clinic and time are."""
TIMES = 20


@dataclass(frozen=True, kw_only=True)
class FreeTime:
    """A slot that is free, and whose."""

    starts_at: datetime
    doctor: DoctorCard


@dataclass(frozen=True, kw_only=True)
class Times:
    """The free times that fit, soonest first; `following` is where to go on, null at the end."""

    free: list[FreeTime]
    following: Place | None


@dataclass(frozen=True, kw_only=True)
class Directory:
    """The doctors of one choice or, if it says when, the times; and the choices there are."""

    doctors: list[DoctorCard]
    has_more: bool
    times: Times | None
    specialties: list[Specialty]
    clinics: list[Clinic]
    ahead: list[PatientVisit]


async def directory(
    connection: Connection,
    wish: Wish,
    *,
    says_when: bool,
    after: Place | None,
    patient_id: UUID | None,
) -> Directory:
    doctors = (
        []
        if says_when
        else await list_doctors(
            connection, limit=AT_MOST + 1, specialty=wish.specialty, clinic_id=wish.clinic_id
        )
    )
    return Directory(
        doctors=sorted(doctors[:AT_MOST], key=_soonest_first),
        has_more=len(doctors) > AT_MOST,
        times=await _times(connection, wish, after) if says_when else None,
        specialties=await list_specialties(connection, limit=AT_MOST),
        clinics=await list_clinics(connection, limit=AT_MOST),
        ahead=[] if patient_id is None else await visits_ahead(connection, patient_id),
    )


def _soonest_first(card: DoctorCard) -> tuple[bool, datetime]:
    """Whoever has nothing soon comes last; those of one time stay in the order of their names."""
    return card.next_free is None, card.next_free or card.now


async def _times(connection: Connection, wish: Wish, after: Place | None) -> Times:
    place = None if after is None else (after.instant, after.id)
    found = await find_slots(connection, wish, limit=TIMES, after=place)
    whose = await doctors_of(connection, {slot.doctor_id for slot in found.slots})
    following = found.next_after
    return Times(
        free=[
            FreeTime(starts_at=slot.starts_at, doctor=whose[slot.doctor_id]) for slot in found.slots
        ],
        following=None if following is None else Place(instant=following[0], id=following[1]),
    )
