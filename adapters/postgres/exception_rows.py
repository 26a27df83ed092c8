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

# In the order of their beginnings, from a wall clock on.
LISTED = SQL(f"""
SELECT {COLUMNS}, d.full_name AS doctor, c.id AS campaign_id
FROM exceptions e LEFT JOIN doctors d ON d.id = e.doctor_id
    LEFT JOIN campaigns c ON c.exception_id = e.id
WHERE e.clinic_id = %(clinic_id)s AND e.withdrawn_at IS NULL
  AND e.wall_until > CAST(%(since)s AS timestamp)
  AND (CAST(%(doctor_id)s AS uuid) IS NULL OR e.doctor_id IS NULL OR e.doctor_id = %(doctor_id)s)
  AND (CAST(%(after)s AS timestamp) IS NULL
       OR (e.wall_from, e.id) > (%(after)s, CAST(%(after_id)s AS uuid)))
ORDER BY e.wall_from, e.id LIMIT %(limit)s
""")  # noqa: S608

# However many they are: a calendar leaves none of them out. A join would read all doctors.
BETWEEN = SQL(f"""
SELECT {COLUMNS}, (SELECT d.full_name FROM doctors d WHERE d.id = e.doctor_id) AS doctor,
    (SELECT c.id FROM campaigns c WHERE c.exception_id = e.id) AS campaign_id
FROM exceptions e
WHERE e.clinic_id = %(clinic_id)s AND e.withdrawn_at IS NULL
  AND e.wall_until > CAST(%(since)s AS timestamp)
  AND e.wall_from < CAST(%(until)s AS timestamp)
ORDER BY e.doctor_id NULLS FIRST, e.wall_from, e.id
""")  # noqa: S608

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


@dataclass(frozen=True, kw_only=True)
class ListedException:
    """One that stands; `doctor` is null for one of the whole clinic."""

    made: MadeException
    doctor: str | None
    campaign_id: UUID | None


async def list_exceptions(  # noqa: PLR0913 - of whom, from when on, how many
    connection: Cursor,
    clinic_id: UUID,
    *,
    doctor_id: UUID | None,
    since: datetime,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[ListedException]:
    """Those of a clinic, or those that count for one of its doctors, that end after `since`.

    `since` and the first of `after` are wall clocks, in the order of the beginnings.
    """
    wall, exception_id = after or (None, None)
    asked = {
        "clinic_id": clinic_id,
        "doctor_id": doctor_id,
        "since": since,
        "after": wall,
        "after_id": exception_id,
        "limit": limit,
    }
    return [_listed(row) for row in await connection.all(LISTED, asked)]


async def exceptions_between(
    connection: Cursor, clinic_id: UUID, *, since: datetime, until: datetime
) -> list[ListedException]:
    """All that count between two wall clocks, those of the whole clinic first."""
    asked = {"clinic_id": clinic_id, "since": since, "until": until}
    return [_listed(row) for row in await connection.all(BETWEEN, asked)]


async def standing_exceptions(
    connection: Cursor, doctor_ids: Sequence[UUID], since: datetime
) -> dict[UUID, list[PlanException]]:
    """Those that count for each doctor from this instant on, in the order of their making."""
    found: dict[UUID, list[PlanException]] = {each: [] for each in doctor_ids}
    for row in await connection.all(STANDING, standing_since(doctor_ids, since)):
        found[row["for_doctor"]].append(made_exception(row).what)
    return found


def standing_since(doctor_ids: Sequence[UUID], since: datetime) -> dict[str, object]:
    """What `STANDING` is asked with."""
    return {
        "doctor_ids": list(doctor_ids),
        "since": since.astimezone(UTC).replace(tzinfo=None) - MORE_THAN_ANY_OFFSET,
    }


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


def _listed(row: Row) -> ListedException:
    return ListedException(
        made=made_exception(row), doctor=row["doctor"], campaign_id=row["campaign_id"]
    )
