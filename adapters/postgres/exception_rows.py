"""Exceptions from plans as rows have them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from psycopg.sql import SQL

from adapters.postgres.direct import Cursor
from adapters.postgres.rows import Row
from domain.plan_exceptions import ExceptionKind, ExceptionReason, PlanException

COLUMNS = "e.id, e.clinic_id, e.doctor_id, e.kind, e.wall_from, e.wall_until, e.reason"

STANDING = SQL(f"""
SELECT d.id AS for_doctor, {COLUMNS}
FROM doctors d JOIN exceptions e ON e.clinic_id = d.clinic_id
WHERE d.id = ANY(%(doctor_ids)s) AND (e.doctor_id IS NULL OR e.doctor_id = d.id)
  AND e.withdrawn_at IS NULL
  AND e.wall_until >= CAST(%(since)s AS timestamp)
ORDER BY e.created_at, e.id
""")  # noqa: S608 - our own columns

MORE_THAN_ANY_OFFSET = timedelta(days=1)
"""No wall clock is further from UTC."""


@dataclass(frozen=True, kw_only=True)
class MadeException:
    """An exception of one doctor, or of a whole clinic."""

    exception_id: UUID
    clinic_id: UUID
    doctor_id: UUID | None
    what: PlanException
    reason: ExceptionReason


async def standing_exceptions(
    connection: Cursor, doctor_ids: Sequence[UUID], since: datetime
) -> dict[UUID, list[PlanException]]:
    """Those that count for each doctor from this instant on, in the order of their making."""
    asked = {
        "doctor_ids": list(doctor_ids),
        "since": since.astimezone(UTC).replace(tzinfo=None) - MORE_THAN_ANY_OFFSET,
    }
    found: dict[UUID, list[PlanException]] = {each: [] for each in doctor_ids}
    for row in await connection.all(STANDING, asked):
        found[row["for_doctor"]].append(made_exception(row).what)
    return found


def made_exception(row: Row) -> MadeException:
    return MadeException(
        exception_id=row["id"],
        clinic_id=row["clinic_id"],
        doctor_id=row["doctor_id"],
        what=PlanException(
            kind=ExceptionKind(row["kind"]), start=row["wall_from"], until=row["wall_until"]
        ),
        reason=ExceptionReason(row["reason"]),
    )
