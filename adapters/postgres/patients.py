"""Records of patients: made, found, read, changed; who is gone is found nowhere."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID, uuid4

from psycopg.sql import SQL
from sqlalchemy import ColumnElement, and_, select, text, tuple_
from sqlalchemy.engine import RowMapping

from adapters.postgres.accounts import Subject
from adapters.postgres.acting import ACTING, told
from adapters.postgres.database import Connection, Database
from adapters.postgres.direct import Cursor
from adapters.postgres.folding import folded
from adapters.postgres.named import is_named, is_nearly_named
from adapters.postgres.rows import Row
from adapters.postgres.seeing import Sees
from adapters.postgres.tables import patients
from adapters.postgres.transactions import serializable
from domain.actors import ActorRef
from domain.booking import Refusal
from domain.errors import Changed, PatientExists, PatientNotFound
from domain.patients import Patient, Person

MANY_WORDS = 8
DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y")
"""How a birth date is looked for."""

COLUMNS = "id, full_name, phone, email, language, birth_date, time_zone, version"

ONE = text(f"SELECT {COLUMNS} FROM patients WHERE id = :id AND erased_at IS NULL")  # noqa: S608

# One person: the name, the birth date, and a way to reach them agree.
SAME_PERSON = SQL("""
SELECT id FROM people_known_as(%(full_name)s, %(phone)s, %(email)s)
WHERE birth_date IS NOT DISTINCT FROM CAST(%(birth_date)s AS date)
LIMIT 1
""")

REGISTER = SQL(f"""
INSERT INTO patients (id, full_name, phone, email, language, birth_date, time_zone)
SELECT %(id)s, %(full_name)s, %(phone)s, %(email)s, %(language)s, CAST(%(birth_date)s AS date),
       %(time_zone)s
WHERE {ACTING}
RETURNING {COLUMNS}
""")

# Who makes a record of their own is that patient from then on.
OWN_RECORD = SQL("""
SELECT patient_id AS id FROM accounts
WHERE issuer = %(issuer)s AND subject = %(subject)s AND patient_id IS NOT NULL
""")

BECOME = SQL("""
INSERT INTO accounts (issuer, subject, patient_id) VALUES (%(issuer)s, %(subject)s, %(id)s)
ON CONFLICT (issuer, subject) DO UPDATE SET patient_id = EXCLUDED.patient_id
""")

CHANGE = SQL(f"""
UPDATE patients SET full_name = %(full_name)s, phone = %(phone)s, email = %(email)s,
    language = %(language)s, birth_date = %(birth_date)s, time_zone = %(time_zone)s,
    version = version + 1
WHERE id = %(id)s AND version = %(version)s AND erased_at IS NULL AND {ACTING}
RETURNING {COLUMNS}
""")  # noqa: S608

PHONES = text("SELECT phone FROM clinics WHERE id = ANY(:ids) AND phone <> '' ORDER BY id")


async def register(
    database: Database,
    person: Person,
    actor: ActorRef,
    clinics: Sequence[UUID] = (),
    *,
    own: Subject | None = None,
) -> Patient:
    """A new record, or `PatientExists`, also of two at once.

    `own` is who makes it of themselves: they have one record.
    """
    patient_id = uuid4()
    asked = {**vars(person), "id": patient_id, "actor": told(actor, clinics)}

    async def work(connection: Cursor) -> Row:
        subject = vars(own) if own else {}
        known = await connection.one_or_none(OWN_RECORD, subject) if own else None
        known = known or await connection.one_or_none(SAME_PERSON, asked)
        if known is not None:
            raise PatientExists(Refusal(code=PatientExists.code, patient_id=known["id"]))
        made = await connection.one(REGISTER, asked)
        if own:
            await connection.write(BECOME, {**subject, "id": made["id"]})
        return made

    return patient_of(await serializable(database, work, sees=Sees.just([patient_id])))


async def change(
    database: Database,
    patient: Patient,
    actor: ActorRef,
    clinics: Sequence[UUID] = (),
    *,
    sees: Sees,
) -> Patient:
    """The record as it is given, where it still has that version."""
    asked = {
        **vars(patient.person),
        "id": patient.patient_id,
        "version": patient.version,
        "actor": told(actor, clinics),
    }

    async def work(connection: Cursor) -> Row | None:
        return await connection.one_or_none(CHANGE, asked)

    changed = await serializable(database, work, sees=sees)
    if changed is None:
        raise Changed
    return patient_of(changed)


async def find_patient(connection: Connection, patient_id: UUID) -> Patient:
    """Raises `PatientNotFound`."""
    found = await patient_if_any(connection, patient_id)
    if found is None:
        raise PatientNotFound
    return found


async def patient_if_any(connection: Connection, patient_id: UUID) -> Patient | None:
    """The record, if the person was not erased or merged with another."""
    row = (await connection.execute(ONE, {"id": patient_id})).mappings().one_or_none()
    return None if row is None else patient_of(row)


async def patients_of(connection: Connection, ids: Collection[UUID]) -> dict[UUID, Patient]:
    """Who these are, by their ids; who was erased is not among them."""
    wanted = select(patients).where(patients.c.id.in_(ids), patients.c.erased_at.is_(None))
    found = (patient_of(row) for row in (await connection.execute(wanted)).mappings())
    return {each.patient_id: each for each in found}


async def find_patients(
    connection: Connection, sought: str, *, limit: int, after: UUID | None = None
) -> list[Patient]:
    """Whom every word names, in the order of names: a part of the name in either alphabet, digits
    of the phone, a birth date, the code of a visit; blanks in a phone part nothing. Only where
    nobody is found, one letter of each word may be wrong. The page goes on behind the patient
    `after`.
    """
    words = _words(sought)
    if not words:
        return []
    exactly = [_born(each) if _date(each) else is_named(each) for each in words]
    found = await _who(connection, exactly, limit, after)
    if found or any(_date(each) for each in words):
        return found
    return await _who(connection, [is_nearly_named(each) for each in words], limit, after)


def _words(sought: str) -> list[str]:
    words = sought.split()[:MANY_WORDS]
    if any(letter.isalpha() for letter in sought):
        return words
    number = "".join(each for each in words if not _date(each))
    return [each for each in words if _date(each)] + ([number] if number else [])


async def _who(
    connection: Connection, conditions: list[ColumnElement[bool]], limit: int, after: UUID | None
) -> list[Patient]:
    order = (folded(patients.c.full_name), patients.c.full_name, patients.c.id)
    wanted = select(patients).where(patients.c.erased_at.is_(None), and_(*conditions))
    if after is not None:
        place = select(*order).where(patients.c.id == after).scalar_subquery()
        wanted = wanted.where(tuple_(*order) > place)
    rows = await connection.execute(wanted.order_by(*order).limit(limit))
    return [patient_of(row) for row in rows.mappings()]


def _date(word: str) -> date | None:
    for form in DATES:
        try:
            return datetime.strptime(word, form).date()  # noqa: DTZ007 - a birth date has no zone
        except ValueError:
            continue
    return None


def _born(word: str) -> ColumnElement[bool]:
    return patients.c.birth_date == _date(word)


# Among the few visits of the patient, not among all of the practitioner's: so OFFSET 0.
SEEN_BY = text("""
SELECT FROM (SELECT practitioner_id FROM schedules WHERE patient_id = :patient_id OFFSET 0) s
WHERE s.practitioner_id = :practitioner_id
  AND EXISTS (SELECT FROM patient_facts WHERE id = :patient_id AND erased_at IS NULL) LIMIT 1
""")


async def is_seen_by(connection: Connection, patient_id: UUID, practitioner_id: UUID) -> bool:
    """Whether the patient has, or had, an appointment with this person."""
    asked = {"patient_id": patient_id, "practitioner_id": practitioner_id}
    return (await connection.execute(SEEN_BY, asked)).first() is not None


async def phones_of(connection: Connection, clinics: Sequence[UUID]) -> list[str]:
    """Of these clinics: they tell in which country a number without one is."""
    return list((await connection.execute(PHONES, {"ids": list(clinics)})).scalars())


def patient_of(row: Row | RowMapping) -> Patient:
    return Patient(
        patient_id=row["id"],
        person=Person(
            full_name=row["full_name"],
            phone=row["phone"],
            email=row["email"],
            language=row["language"],
            birth_date=row["birth_date"],
            time_zone=row["time_zone"],
        ),
        version=row["version"],
    )
