"""What a manager sets up: clinics, doctors, services and who offers which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from psycopg.sql import SQL
from sqlalchemy import literal, select, tuple_
from sqlalchemy.engine import RowMapping

from adapters.postgres.accounts import Subject
from adapters.postgres.acting import ACTING, told
from adapters.postgres.database import Connection, Database
from adapters.postgres.direct import Cursor
from adapters.postgres.directory import After
from adapters.postgres.folding import folded
from adapters.postgres.rows import Row
from adapters.postgres.tables import doctor_services, doctors, services
from adapters.postgres.transactions import serializable
from domain.actors import ActorRef
from domain.errors import Changed, DoctorNotFound, ServiceNotFound

MAKE_CLINIC = SQL(f"""
INSERT INTO clinics (id, name, address, time_zone, phone)
SELECT %(id)s, %(name)s, %(address)s, %(time_zone)s, %(phone)s WHERE {ACTING}
""")

CHANGE_CLINIC = SQL(f"""
UPDATE clinics SET name = coalesce(%(name)s, name), address = coalesce(%(address)s, address),
    time_zone = coalesce(%(time_zone)s, time_zone), phone = coalesce(%(phone)s, phone),
    version = version + 1
WHERE id = %(id)s AND version = %(version)s AND {ACTING}
""")  # noqa: S608

# Whoever makes a clinic is from then on one of its managers.
MANAGE = SQL("""
INSERT INTO accounts AS a (issuer, subject, clinic_ids)
VALUES (%(issuer)s, %(subject)s, ARRAY[CAST(%(id)s AS uuid)])
ON CONFLICT (issuer, subject) DO UPDATE SET clinic_ids = a.clinic_ids || EXCLUDED.clinic_ids
""")

MAKE_DOCTOR = SQL(f"""
INSERT INTO doctors (id, practitioner_id, full_name, specialty, clinic_id, slot_minutes)
SELECT %(id)s, %(practitioner_id)s, %(full_name)s, %(specialty)s, %(clinic_id)s, %(slot_minutes)s
WHERE {ACTING}
""")

CHANGE_DOCTOR = SQL(f"""
UPDATE doctors SET full_name = coalesce(%(full_name)s, full_name),
    specialty = coalesce(%(specialty)s, specialty),
    slot_minutes = coalesce(%(slot_minutes)s, slot_minutes), version = version + 1
WHERE id = %(id)s AND version = %(version)s AND {ACTING}
""")  # noqa: S608

CLINIC_OF_DOCTOR = SQL("SELECT clinic_id FROM doctors WHERE id = %(id)s")

OFFER = SQL("""
WITH wanted AS (SELECT unnest(CAST(%(services)s AS uuid[])) AS service_id),
gone AS (
    DELETE FROM doctor_services o WHERE doctor_id = %(id)s
      AND NOT EXISTS (SELECT FROM wanted w WHERE w.service_id = o.service_id)
    RETURNING service_id
)
INSERT INTO doctor_services (doctor_id, service_id)
SELECT %(id)s, w.service_id FROM wanted w, (SELECT count(*) FROM gone) AS first
ON CONFLICT DO NOTHING
""")

OF_CLINIC = SQL("""
SELECT count(*) AS known FROM services
WHERE id = ANY(CAST(%(services)s AS uuid[])) AND clinic_id = %(clinic_id)s
""")

SERVICE = "id, clinic_id, specialty, name, minutes, self_bookable, version"

MAKE_SERVICE = SQL(f"""
INSERT INTO services (id, clinic_id, specialty, name, minutes, self_bookable)
SELECT %(id)s, %(clinic_id)s, %(specialty)s, %(name)s, %(minutes)s, %(self_bookable)s
WHERE {ACTING}
RETURNING {SERVICE}
""")

CHANGE_SERVICE = SQL(f"""
UPDATE services SET specialty = coalesce(%(specialty)s, specialty),
    name = coalesce(%(name)s, name), minutes = coalesce(%(minutes)s, minutes),
    self_bookable = coalesce(%(self_bookable)s, self_bookable), version = version + 1
WHERE id = %(id)s AND version = %(version)s AND {ACTING}
RETURNING {SERVICE}
""")  # noqa: S608


@dataclass(frozen=True, kw_only=True)
class Service:
    """What a patient comes for, and how long it takes."""

    service_id: UUID
    clinic_id: UUID
    specialty: str
    name: str
    minutes: int
    self_bookable: bool
    version: int


Facts = Mapping[str, object]
"""By the names of the columns; null where one stays as it is."""


async def make_clinic(
    database: Database, facts: Facts, actor: ActorRef, manager: Subject | None
) -> UUID:
    """A new clinic with its first manager; nobody where nobody signs in."""
    asked = {**facts, "id": uuid4(), "actor": told(actor)}

    async def work(connection: Cursor) -> None:
        await connection.write(MAKE_CLINIC, asked)
        if manager is not None:
            await connection.write(MANAGE, {**vars(manager), "id": asked["id"]})

    await serializable(database, work)
    return UUID(str(asked["id"]))


async def change_clinic(
    database: Database, clinic_id: UUID, version: int, facts: Facts, actor: ActorRef
) -> None:
    """Raises `Changed` where it is no longer of that version."""
    asked = {**facts, "id": clinic_id, "version": version, "actor": told(actor)}

    async def work(connection: Cursor) -> int:
        return await connection.write(CHANGE_CLINIC, asked)

    if not await serializable(database, work):
        raise Changed


async def make_doctor(
    database: Database, facts: Facts, offers: Sequence[UUID], actor: ActorRef
) -> UUID:
    """A new doctor; raises `ServiceNotFound` for a service that is not of the clinic."""
    asked = {**facts, "id": uuid4(), "actor": told(actor), "services": list(offers)}
    asked["practitioner_id"] = asked["practitioner_id"] or uuid4()

    async def work(connection: Cursor) -> None:
        await _refuse_unknown_services(connection, asked)
        await connection.write(MAKE_DOCTOR, asked)
        await connection.write(OFFER, asked)

    await serializable(database, work)
    return UUID(str(asked["id"]))


async def change_doctor(  # noqa: PLR0913 - what, to what, by whom
    database: Database,
    doctor_id: UUID,
    version: int,
    facts: Facts,
    *,
    offers: Sequence[UUID] | None,
    actor: ActorRef,
) -> None:
    """Raises `Changed`; what the doctor offers stays where `offers` is null."""
    asked = {**facts, "id": doctor_id, "version": version, "actor": told(actor)}

    async def work(connection: Cursor) -> None:
        if not await connection.write(CHANGE_DOCTOR, asked):
            raise Changed
        if offers is not None:
            of = await connection.one(CLINIC_OF_DOCTOR, asked)
            wanted = {**asked, "clinic_id": of["clinic_id"], "services": list(offers)}
            await _refuse_unknown_services(connection, wanted)
            await connection.write(OFFER, wanted)

    await serializable(database, work)


async def make_service(database: Database, facts: Facts, actor: ActorRef) -> Service:
    asked = {**facts, "id": uuid4(), "actor": told(actor)}

    async def work(connection: Cursor) -> Row:
        return await connection.one(MAKE_SERVICE, asked)

    return _service(await serializable(database, work))


async def change_service(
    database: Database, service_id: UUID, version: int, facts: Facts, actor: ActorRef
) -> Service:
    """Visits that are booked keep their minutes. Raises `Changed`."""
    asked = {**facts, "id": service_id, "version": version, "actor": told(actor)}

    async def work(connection: Cursor) -> Row | None:
        return await connection.one_or_none(CHANGE_SERVICE, asked)

    changed = await serializable(database, work)
    if changed is None:
        raise Changed
    return _service(changed)


async def list_services(
    connection: Connection,
    *,
    limit: int,
    after: After | None = None,
    clinic_id: UUID | None = None,
    specialty: str | None = None,
) -> list[Service]:
    """At most `limit` services after that place, in the order of names."""
    order = (folded(services.c.name), services.c.name, services.c.id)
    wanted = select(services).order_by(*order).limit(limit)
    if clinic_id is not None:
        wanted = wanted.where(services.c.clinic_id == clinic_id)
    if specialty is not None:
        wanted = wanted.where(services.c.specialty == specialty)
    if after is not None:
        place = (folded(literal(after.name)), literal(after.name), literal(after.id))
        wanted = wanted.where(tuple_(*order) > tuple_(*place))
    return [_service(row) for row in (await connection.execute(wanted)).mappings()]


async def find_service(connection: Connection, service_id: UUID) -> Service:
    """Raises `ServiceNotFound`."""
    wanted = select(services).where(services.c.id == service_id)
    row = (await connection.execute(wanted)).mappings().one_or_none()
    if row is None:
        raise ServiceNotFound
    return _service(row)


async def minutes_of(connection: Connection, doctor_id: UUID, service_id: UUID) -> int:
    """How long a service of this doctor takes; raises `DoctorNotFound` or `ServiceNotFound`."""
    wanted = (
        select(services.c.minutes)
        .join_from(services, doctor_services)
        .where(doctor_services.c.doctor_id == doctor_id, services.c.id == service_id)
    )
    minutes = (await connection.execute(wanted)).scalar_one_or_none()
    if minutes is None:
        known = select(doctors.c.id).where(doctors.c.id == doctor_id)
        found = (await connection.execute(known)).first()
        raise DoctorNotFound if found is None else ServiceNotFound
    return int(minutes)


async def _refuse_unknown_services(connection: Cursor, asked: Facts) -> None:
    wanted = asked["services"]
    known = await connection.one(OF_CLINIC, asked)
    if isinstance(wanted, list) and known["known"] != len(set(wanted)):
        raise ServiceNotFound


def _service(row: Row | RowMapping) -> Service:
    return Service(
        service_id=row["id"],
        clinic_id=row["clinic_id"],
        specialty=row["specialty"],
        name=row["name"],
        minutes=row["minutes"],
        self_bookable=row["self_bookable"],
        version=row["version"],
    )
