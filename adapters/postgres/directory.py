"""The directory: doctors, clinics and specialties, a page at a time, in the order of names."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Uuid, func, literal, select, tuple_

from adapters.postgres.database import Connection
from adapters.postgres.folding import folded
from adapters.postgres.openings import openings_of
from adapters.postgres.tables import clinics, doctor_services, doctors
from domain.clinic_rules import ClinicRules, rules_of
from domain.errors import DoctorNotFound
from domain.permissions import Whose
from domain.slot import Interval

SOON = timedelta(days=2)
AHEAD = timedelta(days=14)
"""How far ahead a doctor's next free slot is looked for."""


@dataclass(frozen=True, kw_only=True)
class DoctorCard:
    """A doctor as patients choose one; `next_free` is null for a doctor with nothing soon."""

    doctor_id: UUID
    name: str
    specialty: str
    clinic_id: UUID
    clinic_name: str
    clinic_phone: str
    time_zone: str
    slot_minutes: int
    next_free: datetime | None
    now: datetime
    practitioner_id: UUID
    service_ids: tuple[UUID, ...]
    version: int
    rules: ClinicRules
    """Of the clinic, for those who book by themselves."""


@dataclass(frozen=True, kw_only=True)
class Clinic:
    """Where doctors receive."""

    clinic_id: UUID
    name: str
    address: str
    phone: str
    time_zone: str
    version: int


@dataclass(frozen=True, kw_only=True)
class Specialty:
    """What doctors are, and how many are."""

    name: str
    doctors: int


@dataclass(frozen=True, kw_only=True)
class After:
    """Where the page before ended."""

    name: str
    id: UUID


CARDS = select(
    doctors.c.id,
    doctors.c.full_name,
    doctors.c.specialty,
    doctors.c.slot_minutes,
    doctors.c.practitioner_id,
    doctors.c.version,
    func.array(
        select(doctor_services.c.service_id)
        .where(doctor_services.c.doctor_id == doctors.c.id)
        .order_by(doctor_services.c.service_id)
        .scalar_subquery()
    ).label("service_ids"),
    clinics.c.id.label("clinic_id"),
    clinics.c.name.label("clinic_name"),
    clinics.c.phone.label("clinic_phone"),
    clinics.c.time_zone,
    clinics.c.rules,
    func.clock_timestamp().label("now"),
).join_from(doctors, clinics)


async def list_doctors(
    connection: Connection,
    *,
    limit: int,
    after: After | None = None,
    specialty: str | None = None,
    clinic_id: UUID | None = None,
) -> list[DoctorCard]:
    """At most `limit` doctors after that place."""
    wanted = CARDS.order_by(*_order(doctors.c.full_name, doctors.c.id)).limit(limit)
    if specialty is not None:
        wanted = wanted.where(doctors.c.specialty == specialty)
    if clinic_id is not None:
        wanted = wanted.where(doctors.c.clinic_id == clinic_id)
    if after is not None:
        wanted = wanted.where(_behind(doctors.c.full_name, doctors.c.id, after))
    return await _cards(connection, wanted)


async def count_doctors(
    connection: Connection, *, specialty: str | None = None, clinic_id: UUID | None = None
) -> int:
    counted = select(func.count()).select_from(doctors)
    if specialty is not None:
        counted = counted.where(doctors.c.specialty == specialty)
    if clinic_id is not None:
        counted = counted.where(doctors.c.clinic_id == clinic_id)
    return int((await connection.execute(counted)).scalar_one())


async def find_doctor(connection: Connection, doctor_id: UUID) -> DoctorCard:
    """Raises `DoctorNotFound`."""
    cards = await _cards(connection, CARDS.where(doctors.c.id == doctor_id))
    if not cards:
        raise DoctorNotFound
    return cards[0]


async def whose_doctor(connection: Connection, doctor_id: UUID) -> Whose:
    """Whose a doctor's things are; raises `DoctorNotFound`."""
    wanted = select(doctors.c.practitioner_id, doctors.c.clinic_id).where(doctors.c.id == doctor_id)
    row = (await connection.execute(wanted)).one_or_none()
    if row is None:
        raise DoctorNotFound
    return Whose(practitioner_id=row.practitioner_id, clinic_id=row.clinic_id)


async def doctors_of(connection: Connection, ids: Collection[UUID]) -> dict[UUID, DoctorCard]:
    """Who these are; when each is free next is not looked for."""
    rows = await connection.execute(CARDS.where(doctors.c.id.in_(ids)))
    return {row.id: _card(row, None) for row in rows}


async def names_at(connection: Connection, clinic_id: UUID, *, limit: int) -> dict[UUID, str]:
    """The names of a clinic's doctors, by their ids."""
    wanted = (
        select(doctors.c.id, doctors.c.full_name)
        .where(doctors.c.clinic_id == clinic_id)
        .order_by(*_order(doctors.c.full_name, doctors.c.id))
        .limit(limit)
    )
    return {row.id: row.full_name for row in await connection.execute(wanted)}


async def doctors_beside(
    connection: Connection, doctor: DoctorCard, *, clinics_seen: Collection[UUID] | None, limit: int
) -> list[DoctorCard]:
    """Those of the same specialty at these clinics (null: at any), then the others of the clinic.

    When each is free next is not looked for.
    """
    is_peer = doctors.c.specialty == doctor.specialty
    peers = is_peer if clinics_seen is None else is_peer & doctors.c.clinic_id.in_(clinics_seen)
    wanted = CARDS.where(peers | (doctors.c.clinic_id == doctor.clinic_id))
    order = (~is_peer, *_order(doctors.c.full_name, doctors.c.id))
    rows = await connection.execute(wanted.order_by(*order).limit(limit))
    return [_card(row, None) for row in rows]


async def list_clinics(
    connection: Connection,
    *,
    limit: int,
    after: After | None = None,
    ids: Collection[UUID] | None = None,
) -> list[Clinic]:
    """All of them, or of these."""
    wanted = select(clinics).order_by(*_order(clinics.c.name, clinics.c.id)).limit(limit)
    if after is not None:
        wanted = wanted.where(_behind(clinics.c.name, clinics.c.id, after))
    if ids is not None:
        wanted = wanted.where(clinics.c.id.in_(ids))
    return [_clinic(row) for row in await connection.execute(wanted)]


async def clinic_of(connection: Connection, clinic_id: UUID) -> Clinic | None:
    """The clinic of this id, if there is one."""
    found = await connection.execute(select(clinics).where(clinics.c.id == clinic_id))
    row = found.one_or_none()
    return None if row is None else _clinic(row)


async def find_clinic(connection: Connection, clinic_id: UUID) -> Clinic:
    """The clinic of a doctor: there always is one."""
    wanted = select(clinics).where(clinics.c.id == clinic_id)
    return _clinic((await connection.execute(wanted)).one())


async def list_specialties(
    connection: Connection,
    *,
    limit: int,
    after: str | None = None,
    clinic_id: UUID | None = None,
) -> list[Specialty]:
    counted = select(doctors.c.specialty, func.count().label("doctors"))
    if clinic_id is not None:
        counted = counted.where(doctors.c.clinic_id == clinic_id)
    wanted = counted.group_by(doctors.c.specialty).order_by(doctors.c.specialty).limit(limit)
    if after is not None:
        wanted = wanted.where(doctors.c.specialty > after)
    return [
        Specialty(name=row.specialty, doctors=row.doctors)
        for row in await connection.execute(wanted)
    ]


def _clinic(row: Row[*tuple[object, ...]]) -> Clinic:
    return Clinic(
        clinic_id=row.id,
        name=row.name,
        address=row.address,
        phone=row.phone,
        time_zone=row.time_zone,
        version=row.version,
    )


def _behind(
    name: ColumnElement[str], key: ColumnElement[UUID], after: After
) -> ColumnElement[bool]:
    last = literal(after.name)
    return tuple_(*_order(name, key)) > tuple_(folded(last), last, literal(after.id, Uuid))


def _order(
    name: ColumnElement[str], key: ColumnElement[UUID]
) -> tuple[ColumnElement[str], ColumnElement[str], ColumnElement[UUID]]:
    """The alphabet's, which is not that of code points; no two rows have the same place."""
    return folded(name), name, key


async def _cards(connection: Connection, wanted: Select[*tuple[object, ...]]) -> list[DoctorCard]:
    rows = (await connection.execute(wanted)).all()
    free = await _next_free(connection, rows)
    return [_card(row, free.get(row.id)) for row in rows]


def _card(row: Row[*tuple[object, ...]], next_free: datetime | None) -> DoctorCard:
    return DoctorCard(
        doctor_id=row.id,
        name=row.full_name,
        specialty=row.specialty,
        clinic_id=row.clinic_id,
        clinic_name=row.clinic_name,
        clinic_phone=row.clinic_phone,
        time_zone=row.time_zone,
        slot_minutes=row.slot_minutes,
        next_free=next_free,
        now=row.now,
        practitioner_id=row.practitioner_id,
        service_ids=tuple(row.service_ids),
        version=row.version,
        rules=rules_of(row.rules, row.specialty),
    )


async def _next_free(
    connection: Connection, rows: Sequence[Row[*tuple[object, ...]]]
) -> dict[UUID, datetime]:
    """Nearly everybody has something soon; only for the others is it looked for further ahead."""
    missing = [row.id for row in rows]
    found: dict[UUID, datetime] = {}
    for span in (SOON, AHEAD):
        if missing:
            window = Interval(starts_at=rows[0].now, ends_at=rows[0].now + span)
            for openings in await openings_of(connection, missing, window):
                first = next(openings.free(), None)
                if first is not None:
                    found[openings.desk.doctor_id] = first.starts_at
            missing = [doctor_id for doctor_id in missing if doctor_id not in found]
    return found
