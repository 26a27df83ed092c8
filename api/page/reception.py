"""What the reception sees: some doctors of one clinic side by side, their times in line."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from uuid import UUID

from adapters.postgres.booking_search import bookings_coded
from adapters.postgres.database import Connection
from adapters.postgres.directory import (
    Clinic,
    DoctorCard,
    Specialty,
    list_doctors,
)
from adapters.postgres.openings import openings_of
from adapters.postgres.patients import find_patients, patient_if_any
from adapters.postgres.staff_days import staff_days
from adapters.postgres.visits import PatientVisit, visit, visits_ahead
from api.http.looks import note_day_on_page, note_people_on_page
from api.http.name_cursors import cursor_after, place_after
from api.page.choices import clinic_of_desk, specialties_from
from api.page.days import window_of
from domain.actors import Actor
from domain.patients import Patient
from domain.permissions import Visible
from domain.slot import Interval, day_of
from domain.staff_day import StaffDay, StaffSlot
from domain.zones import zone_named

SIDE_BY_SIDE = 12
"""Doctors on one page of the reception; each is a day that the page follows."""
NEAREST = 6
OF_ONE_DOCTOR = 2
"""Of the nearest times: six quarters of an hour of one doctor are no choice."""
FOUND = 6
"""Patients of one search; where there are more, the page says so."""
SPECIALTIES = 20
"""In the list to choose from; it says where it is cut, and leads on."""
WANTED = 100
DOCTORS_HERE = "doctors of the reception"
MOST_OF_A_TABLE = 75_000
OF_A_ROW, OF_A_CELL, OF_A_SLOT, OF_A_CALLER = 100, 110, 190, 45
"""Bytes of the page, about: a table of very many times is a burden on whoever opens it."""


@dataclass(frozen=True, kw_only=True)
class DeskWish:
    """What was chosen so far; `about` is the appointment that the page tells of."""

    actor: Actor
    sees: Visible
    """The clinics that the caller may see."""
    day: date | None
    clinic_id: UUID | None
    specialty: str | None
    sought: str | None
    patient_id: UUID | None
    about: UUID | None
    after: str | None
    clinics_after: str | None
    specialties_after: str | None

    def may_see(self, clinic_id: UUID) -> bool:
        return self.sees.everything or clinic_id in self.sees.clinic_ids


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A free time that the reception may offer."""

    doctor: DoctorCard
    starts_at: datetime


@dataclass(frozen=True, kw_only=True)
class Row:
    """One time of the day, and what each doctor has then, in the order of the columns."""

    starts_at: datetime
    cells: list[list[StaffSlot]]


@dataclass(frozen=True, kw_only=True)
class Table:
    """The day of several doctors; what begins together stands in one row."""

    columns: list[tuple[DoctorCard, StaffDay]]

    @property
    def rows(self) -> list[Row]:
        by_time = [_shown(staff) for _, staff in self.columns]
        times = sorted({starts_at for slots in by_time for starts_at in slots})
        return [
            Row(starts_at=starts_at, cells=[slots.get(starts_at, []) for slots in by_time])
            for starts_at in times
        ]


@dataclass(frozen=True, kw_only=True)
class People:
    """The patient that was chosen, those who were found, and whom the page tells of."""

    patient: Patient | None
    ahead: list[PatientVisit]
    """The chosen patient's next appointments."""
    coded: list[PatientVisit]
    """Appointments whose reference was typed."""
    matches: list[Patient]
    has_more_matches: bool
    about: PatientVisit | None
    about_whom: Patient | None


@dataclass(frozen=True, kw_only=True)
class Desk(People):
    """Everything that the page says."""

    clinics: list[Clinic]
    more_clinics: str | None
    clinic: Clinic | None
    day: date | None
    table: Table
    further: str | None
    nearest: list[Offer]
    specialties: list[Specialty]
    more_specialties: str | None


async def desk_of(connection: Connection, wish: DeskWish) -> Desk:
    clinics, more_clinics, here = await clinic_of_desk(
        connection, wish.clinics_after, sees=wish.sees, chosen=wish.clinic_id
    )
    wanted, specialties, more_specialties = list[DoctorCard](), list[Specialty](), None
    if here is not None:
        wanted = await doctors_of_desk(connection, here.clinic_id, wish.specialty, wish.after)
        specialties, more_specialties = await specialties_from(
            connection, wish.specialties_after, most=SPECIALTIES, clinic_id=here.clinic_id
        )
    named = wanted[:SIDE_BY_SIDE]
    day, columns, nearest = wish.day, list[tuple[DoctorCard, StaffDay]](), list[Offer]()
    if here is not None and named:
        zone, now = zone_named(here.time_zone), named[0].now
        day = wish.day or day_of(now, zone)
        ids = [each.doctor_id for each in named]
        days = await staff_days(connection, ids, day, zone, now=now)
        of_a_visit = OF_A_CALLER if wish.patient_id else 0
        columns = _that_fit([(each, days[each.doctor_id]) for each in named], of_a_visit)
        nearest = await _nearest(connection, wanted, window_of(day, zone))
        await note_day_on_page(connection, wish.actor, here.clinic_id)
    people = await _people(connection, wish)
    return Desk(
        clinics=clinics,
        more_clinics=more_clinics,
        clinic=here,
        day=day,
        table=Table(columns=columns),
        further=cursor_after(columns[-1][0].name, columns[-1][0].doctor_id, of=DOCTORS_HERE)
        if len(wanted) > len(columns)
        else None,
        nearest=nearest,
        specialties=specialties,
        more_specialties=more_specialties,
        **vars(people),
    )


async def _people(connection: Connection, wish: DeskWish) -> People:
    """Whoever is named beside the table is a look at their record."""
    sought, about = wish.sought, None
    matches = await find_patients(connection, sought, limit=FOUND + 1) if sought else []
    if wish.about is not None:
        about = await visit(connection, wish.about)
        about = about if about and wish.may_see(about.appointment.clinic_id) else None
    whose = whom = None
    if about is not None:
        whose = await patient_if_any(connection, about.appointment.patient_id)
    if wish.patient_id is not None:
        whom = await patient_if_any(connection, wish.patient_id)
    ahead, coded, of = list[PatientVisit](), list[PatientVisit](), wish.sees.clinics
    if whom is not None:
        ahead = await visits_ahead(connection, whom.patient_id, limit=FOUND, clinics=of)
    if sought:
        coded = await bookings_coded(connection, sought, limit=FOUND, clinics=of)
    found = {each.patient_id for each in matches[:FOUND]}
    await note_people_on_page(connection, wish.actor, "find", found)
    read = {each.patient_id for each in (whose, whom) if each is not None}
    await note_people_on_page(connection, wish.actor, "read", read)
    return People(
        patient=whom,
        ahead=ahead,
        coded=coded,
        matches=matches[:FOUND],
        has_more_matches=len(matches) > FOUND,
        about=about,
        about_whom=whose,
    )


async def doctors_of_desk(
    connection: Connection, clinic_id: UUID, specialty: str | None, after: str | None
) -> list[DoctorCard]:
    """Those of the page, and some more behind them for the nearest free times."""
    return await list_doctors(
        connection,
        limit=WANTED,
        clinic_id=clinic_id,
        specialty=specialty,
        after=place_after(after, of=DOCTORS_HERE),
    )


def _that_fit(
    columns: list[tuple[DoctorCard, StaffDay]], of_a_visit: int
) -> list[tuple[DoctorCard, StaffDay]]:
    """As many of the first as make a table that is no burden; one at least."""
    times, slots, fitting = set[datetime](), 0, 0
    for doctor, staff in columns:
        shown = _shown(staff)
        times |= shown.keys()
        slots += (OF_A_SLOT + len(doctor.name.encode())) * sum(map(len, shown.values()))
        slots += of_a_visit * staff.visits
        weight = slots + len(times) * (OF_A_ROW + OF_A_CELL * (fitting + 1))
        if fitting and weight > MOST_OF_A_TABLE:
            break
        fitting += 1
    return columns[:fitting]


def _shown(staff: StaffDay) -> dict[datetime, list[StaffSlot]]:
    """Who comes, and what is free; a time that has passed unbooked is of no use here."""
    shown = defaultdict[datetime, list[StaffSlot]](list)
    for slot in staff.slots:
        if slot.visit or slot.elsewhere or slot.is_free:
            shown[slot.starts_at].append(slot)
    return shown


async def _nearest(
    connection: Connection, doctors: Sequence[DoctorCard], window: Interval
) -> list[Offer]:
    """The earliest free times of all of them, from the day on."""
    cards = {each.doctor_id: each for each in doctors}
    found = [
        Offer(doctor=cards[openings.desk.doctor_id], starts_at=slot.starts_at)
        for openings in await openings_of(connection, list(cards), window)
        for slot in islice(openings.free(), OF_ONE_DOCTOR)
    ]
    return sorted(found, key=lambda offer: (offer.starts_at, offer.doctor.name))[:NEAREST]
