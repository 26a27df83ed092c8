"""Reads of appointments; a hold is judged by the database clock on every read."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.sql import SQL
from sqlalchemy import text

from adapters.postgres.clinic_rules import ruled_visit
from adapters.postgres.database import Connection
from adapters.postgres.direct import Cursor
from adapters.postgres.rows import COLUMNS, appointment_of
from domain.booking import Appointment
from domain.clinic_rules import RuledVisit
from domain.errors import PatientNotFound
from domain.permissions import Visible


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A row as it was read `at` that instant of the database's clock.

    `has_begun`: whether its visit had begun by then.
    """

    appointment: Appointment
    has_begun: bool
    practitioner_id: UUID
    at: datetime
    ruled: RuledVisit
    offered_visit: UUID | None
    """For which visit the clinic offers this time."""


@dataclass(frozen=True, kw_only=True)
class Before:
    """Where the page before ended; the page goes on with older rows."""

    created_at: datetime
    id: UUID


ONE = SQL(f"""
SELECT {COLUMNS}, s.practitioner_id, s.starts_at <= clock_timestamp() AS has_begun,
    CASE WHEN s.origin = 'offer' AND s.visit_id <> s.id THEN s.visit_id END AS offered_visit,
    statement_timestamp() AS read_at, clock_timestamp() AS now, c.time_zone, c.rules,
    (SELECT specialty FROM doctors WHERE id = s.doctor_id) AS specialty
FROM schedules s JOIN clinics c ON c.id = s.clinic_id WHERE s.id = %(appointment_id)s
""")  # noqa: S608 - our own columns, as below

SEEN = """(:everything OR s.patient_id = ANY(:patient_ids) OR s.clinic_id = ANY(:clinic_ids)
       OR s.practitioner_id = ANY(:practitioner_ids))"""
"""Which rows of a list a caller sees: the same right as `domain.permissions.may` gives for one."""

OF_PATIENT = text(f"""
SELECT {COLUMNS} FROM schedules s WHERE s.patient_id = :id AND {SEEN}
ORDER BY s.created_at DESC, s.id DESC
LIMIT :limit
""")  # noqa: S608

OF_PATIENT_BEFORE = text(f"""
SELECT {COLUMNS} FROM schedules s
WHERE s.patient_id = :id AND {SEEN} AND (s.created_at, s.id) < (:before_created_at, :before_id)
ORDER BY s.created_at DESC, s.id DESC
LIMIT :limit
""")  # noqa: S608

PATIENT = text("SELECT FROM patient_facts WHERE id = :id AND erased_at IS NULL")


async def see(connection: Cursor, appointment_id: UUID) -> Seen | None:
    """The row of this id, if it has one."""
    row = await connection.one_or_none(ONE, {"appointment_id": appointment_id})
    if row is None:
        return None
    return Seen(
        appointment=appointment_of(row),
        has_begun=row["has_begun"],
        practitioner_id=row["practitioner_id"],
        at=row["read_at"],
        ruled=ruled_visit(row),
        offered_visit=row["offered_visit"],
    )


async def appointments_of(
    connection: Connection,
    patient_id: UUID,
    *,
    limit: int,
    before: Before | None,
    sees: Visible,
) -> list[Appointment]:
    """Those that the caller sees, newest first.

    Refuses a patient who does not exist, so that no typing error looks empty.
    """
    statement = OF_PATIENT_BEFORE if before else OF_PATIENT
    asked = _page(patient_id, limit, before) | seen_by(sees)
    found = await connection.execute(statement, asked)
    rows = found.mappings().all()
    if not rows and (await connection.execute(PATIENT, {"id": patient_id})).first() is None:
        raise PatientNotFound
    return [appointment_of(row) for row in rows]


def seen_by(sees: Visible) -> dict[str, object]:
    """The parameters of `SEEN`."""
    return {
        "everything": sees.everything,
        "patient_ids": list(sees.patient_ids),
        "practitioner_ids": list(sees.practitioner_ids),
        "clinic_ids": list(sees.clinic_ids),
    }


def _page(owner_id: UUID, limit: int, before: Before | None) -> dict[str, object]:
    page: dict[str, object] = {"id": owner_id, "limit": limit}
    if before:
        page |= {"before_created_at": before.created_at, "before_id": before.id}
    return page
