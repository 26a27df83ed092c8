"""Bookings that somebody looks for, and what the database knows of one: never a name."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import TextClause, text

from adapters.postgres.database import Connection
from adapters.postgres.named import CODE
from adapters.postgres.operations import LATE, PERIOD
from adapters.postgres.patients import find_patients
from adapters.postgres.tables import LAPSES_AT
from adapters.postgres.visits import DETAILS, OF_CLINICS, PatientVisit, ids_or_all, visit_of

PATIENTS = 10
"""Of one name or telephone; of more than these the words say too little."""

MEANT = f"""{OF_CLINICS} AND (NOT CAST(:is_ahead AS boolean)
    OR s.status = 'confirmed' AND s.starts_at > clock_timestamp())"""
IS_CODE = text("SELECT EXISTS (SELECT FROM schedules WHERE id BETWEEN :first AND :last)")
CODED = text(
    f"{DETAILS} WHERE s.id BETWEEN :first AND :last AND {MEANT} ORDER BY s.id LIMIT :limit"
)
# Their ids are asked for as one value, here and below: a join might read a whole table. The rows of
# the patients are found first and put in order then: by that order all rows might be walked.
OF_PATIENTS = text(f"""
{DETAILS} WHERE s.id = ANY(ARRAY(
    SELECT id FROM (
        SELECT s.id, s.updated_at FROM schedules s
        WHERE s.patient_id = ANY(:patients) AND {MEANT} OFFSET 0
    ) own ORDER BY updated_at DESC LIMIT :limit
)) ORDER BY s.updated_at DESC
""")  # noqa: S608 - our own words


class Trouble(StrEnum):
    """A figure of the operations page that names bookings."""

    OVERDUE = "overdue"
    DELAYED = "delayed"
    FAILED = "failed"


TROUBLED = {
    Trouble.OVERDUE: f"""s.id = ANY(ARRAY(SELECT id FROM schedules
        WHERE {LAPSES_AT} < statement_timestamp() - interval '5 seconds'))""",  # noqa: S608
    Trouble.DELAYED: f"s.id IN (SELECT appointment_id FROM notifications WHERE {LATE})",  # noqa: S608
    Trouble.FAILED: """s.id IN (SELECT n.appointment_id FROM notifications n
        WHERE n.status = 'failed'
          AND n.created_at > statement_timestamp() - CAST(:period AS interval))""",
}
IN_TROUBLE = {
    trouble: text(
        f"{DETAILS} WHERE {condition} AND CAST(:period AS interval) IS NOT NULL AND {OF_CLINICS}"
        " ORDER BY s.updated_at DESC LIMIT :limit"
    )
    for trouble, condition in TROUBLED.items()
}

MESSAGES = text("""
SELECT id, event_id, audience, channel, kind, status, attempts, error, instead_of,
    created_at, sent_at, delivered_at, read_at
FROM notifications WHERE appointment_id = :id ORDER BY created_at, id
""")
ORIGIN = text("SELECT origin, extensions FROM schedules WHERE id = :id")


@dataclass(frozen=True, kw_only=True)
class Told:
    """One message about a booking: to whom, by which way, what became of it."""

    id: UUID
    event_id: UUID
    audience: str
    channel: str
    kind: str
    status: str
    attempts: int
    error: str | None
    instead_of: str | None
    created_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What the database knows of one booking."""

    visit: PatientVisit
    origin: str
    extensions: int
    messages: list[Told]


async def bookings_named(
    connection: Connection,
    sought: str,
    *,
    clinics: Collection[UUID] | None,
    limit: int,
    is_ahead: bool = False,
) -> list[PatientVisit]:
    """By the booking reference; else of the patients whom the words name, the latest first.

    Of these clinics, or of all; where it is ahead, only what is confirmed and has not begun. A
    reference of what is not among them finds nothing: it names no patient.
    """
    meant = {"clinics": ids_or_all(clinics), "is_ahead": is_ahead, "limit": limit}
    if (span := _span(sought)) and (await connection.execute(IS_CODE, span)).scalar_one():
        return await _listed(connection, CODED, {**span, **meant})
    people = await find_patients(connection, sought, limit=PATIENTS)
    asked = {"patients": [each.patient_id for each in people], **meant}
    return await _listed(connection, OF_PATIENTS, asked) if people else []


async def bookings_coded(
    connection: Connection, sought: str, *, clinics: Collection[UUID] | None = None, limit: int
) -> list[PatientVisit]:
    """Those of a booking reference, as messages and pages show it; of these clinics, or of all."""
    span = _span(sought)
    meant = {"clinics": ids_or_all(clinics), "is_ahead": False, "limit": limit}
    return await _listed(connection, CODED, {**span, **meant}) if span else []


async def bookings_in_trouble(
    connection: Connection, trouble: Trouble, *, clinics: Collection[UUID] | None, limit: int
) -> list[PatientVisit]:
    """Of these clinics, or of all."""
    asked = {"period": PERIOD, "clinics": ids_or_all(clinics), "limit": limit}
    return await _listed(connection, IN_TROUBLE[trouble], asked)


async def kept(connection: Connection, visit: PatientVisit) -> Kept:
    asked = {"id": visit.appointment.appointment_id}
    row = (await connection.execute(ORIGIN, asked)).mappings().one()
    messages = (await connection.execute(MESSAGES, asked)).mappings()
    return Kept(visit=visit, **row, messages=[Told(**each) for each in messages])


def _span(sought: str) -> Mapping[str, UUID]:
    """All ids that begin with this reference are a stretch of the index; empty for another word."""
    code = sought.strip().lower()
    if not CODE.fullmatch(code):
        return {}
    return {
        "first": UUID(f"{code}-0000-0000-0000-000000000000"),
        "last": UUID(f"{code}-ffff-ffff-ffff-ffffffffffff"),
    }


async def _listed(
    connection: Connection, statement: TextClause, asked: Mapping[str, object]
) -> list[PatientVisit]:
    found = await connection.execute(statement, asked)
    return [visit_of(row) for row in found.mappings()]
