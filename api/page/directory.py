"""Whom the patient may choose from, when somebody is free, and what the patient has ahead."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice
from unicodedata import name
from uuid import UUID

from adapters.messages.visit import Language
from adapters.postgres.database import Connection
from adapters.postgres.directory import (
    Clinic,
    DoctorCard,
    Specialty,
    count_doctors,
    doctors_of,
    list_doctors,
)
from adapters.postgres.slot_search import Wish, find_slots
from adapters.postgres.visits import PatientVisit, visits_ahead
from api.http.cursors import Place
from api.page.choices import clinics_from, specialties_from

AT_MOST = 50
"""A page of more doctors is no help in choosing one: specialty, clinic and time are. Nor is it
cheap: to find when a hundred are free next took four times as long (docs/performance.md)."""
CHOICES = 40
"""Specialties, and clinics; where there are more, each list leads on."""
TIMES = 20
LOOKS = 10
"""At pages of free times, until they name enough doctors."""


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
    more_specialties: str | None
    clinics: list[Clinic]
    more_clinics: str | None
    ahead: list[PatientVisit]


async def directory(  # noqa: PLR0913 - each is a part of what the page shows
    connection: Connection,
    wish: Wish,
    *,
    language: Language,
    says_when: bool,
    after: Place | None,
    patient_id: UUID | None,
    clinics_after: str | None,
    specialties_after: str | None,
) -> Directory:
    there_are = await count_doctors(connection, specialty=wish.specialty, clinic_id=wish.clinic_id)
    doctors = [] if says_when else await _soonest(connection, wish, there_are)
    specialties, more_specialties = await specialties_from(
        connection, specialties_after, most=CHOICES
    )
    clinics, more_clinics = await clinics_from(
        connection, clinics_after, most=CHOICES, chosen=wish.clinic_id
    )
    return Directory(
        doctors=sorted(doctors, key=partial(_own_first, language)),
        has_more=not says_when and there_are > len(doctors),
        times=await free_times(connection, wish, after) if says_when else None,
        specialties=specialties,
        more_specialties=more_specialties,
        clinics=clinics,
        more_clinics=more_clinics,
        ahead=[] if patient_id is None else await visits_ahead(connection, patient_id),
    )


async def _soonest(connection: Connection, wish: Wish, there_are: int) -> list[DoctorCard]:
    """All of them; of very many those who are free the soonest, whatever their names begin with."""
    by_name = partial(
        list_doctors,
        connection,
        limit=AT_MOST,
        specialty=wish.specialty,
        clinic_id=wish.clinic_id,
    )
    if there_are <= AT_MOST:
        return await by_name()
    soonest, place = dict[UUID, datetime](), None
    for _ in range(LOOKS):
        free = await find_slots(connection, wish, limit=2 * AT_MOST, after=place)
        for slot in free.slots:
            soonest.setdefault(slot.doctor_id, slot.starts_at)
        place = free.next_after
        if len(soonest) >= AT_MOST or place is None:
            break
    shown = dict(islice(soonest.items(), AT_MOST))
    cards = await doctors_of(connection, shown)
    found = [replace(cards[each], next_free=starts_at) for each, starts_at in shown.items()]
    if len(found) == AT_MOST:
        return found
    rest = [each for each in await by_name() if each.doctor_id not in shown]
    return [*found, *rest][:AT_MOST]


def _own_first(language: Language, card: DoctorCard) -> tuple[bool, bool, datetime]:
    """Free soonest first, those whose name the patient can read before the others.

    Whoever has nothing soon comes last; those of one time stay in the order of their names.
    """
    is_russian = any(name(letter, "").startswith("CYRILLIC") for letter in card.name)
    is_foreign = is_russian is not (language is Language.RU)
    return card.next_free is None, is_foreign, card.next_free or card.now


async def free_times(connection: Connection, wish: Wish, after: Place | None) -> Times:
    """A page of them, each with its doctor."""
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
