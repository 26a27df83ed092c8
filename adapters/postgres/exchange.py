"""Two visits change places: one SERIALIZABLE transaction that moves both, or does nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
from psycopg.sql import SQL

from adapters.postgres.acting import ACTING, told
from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor
from adapters.postgres.rows import COLUMNS, Row, appointment_of
from adapters.postgres.take import refusal_of
from adapters.postgres.transactions import serializable
from domain.actors import ActorRef
from domain.booking import Appointment
from domain.errors import AppointmentNotFound, NotASlot
from domain.rules import refuse_unmovable

BOTH = SQL(f"""
SELECT {COLUMNS}, s.practitioner_id, s.overbook, s.starts_at <= clock_timestamp() AS has_begun
FROM schedules s WHERE s.id = ANY(%(ids)s) ORDER BY s.id FOR UPDATE
""")  # noqa: S608 - our own columns, as below

# Where a shift closes the visits that it has are told to go: it takes nobody, as with a hold.
CLOSING = SQL("""
SELECT count(*) AS shifts FROM (
    VALUES (CAST(%(first_doctor)s AS uuid), tstzrange(%(first_at)s, %(first_until)s)),
           (%(second_doctor)s, tstzrange(%(second_at)s, %(second_until)s))
) AS place (doctor_id, during)
JOIN shifts w ON w.doctor_id = place.doctor_id AND w.during && place.during
WHERE w.state = 'closing'
""")

# Each needs a place that is not free before the other has left it. As a marked overbooking the
# first is in nobody's way for as long as the next statement takes. Nobody sees the mark, so it is
# no version: COMMIT refuses it if none followed.
MAKE_WAY = SQL("""
UPDATE schedules SET overbook = true
WHERE id = %(first_id)s
  AND set_config('priyom.makes_way', CAST(CAST(%(first_id)s AS uuid) AS text), true) IS NOT NULL
""")

# The second goes first, since the first reads from it. Lapsed holds make way as for a hold. Whoever
# comes to stand on top of another visit bears the mark of who stood there.
EXCHANGE = SQL(f"""
WITH lapsed AS (
    UPDATE schedules SET status = 'expired', version = version + 1
    WHERE id = ANY(ARRAY(
        SELECT h.id FROM (
            VALUES (CAST(%(first_practitioner)s AS uuid), CAST(%(first_patient)s AS uuid),
                    tstzrange(%(first_at)s, %(first_until)s)),
                   (%(second_practitioner)s, %(second_patient)s,
                    tstzrange(%(second_at)s, %(second_until)s))
        ) AS place (practitioner_id, patient_id, during)
        JOIN schedules h ON h.occupies && place.during
            AND (h.practitioner_id = place.practitioner_id OR h.patient_id = place.patient_id)
        WHERE h.status = 'held' AND h.held_until <= clock_timestamp()
    ))
    RETURNING id
), second AS (
    UPDATE schedules s
    SET doctor_id = %(second_doctor)s, starts_at = %(second_at)s, ends_at = %(second_until)s,
        overbook = %(second_overbook)s, version = s.version + 1
    FROM (SELECT count(*) FROM lapsed) AS made_way
    WHERE s.id = %(second_id)s AND {ACTING}
    RETURNING s.*
), first AS (
    UPDATE schedules s
    SET doctor_id = %(first_doctor)s, starts_at = %(first_at)s, ends_at = %(first_until)s,
        overbook = %(first_overbook)s, version = s.version + 1
    FROM (SELECT count(*) FROM second) AS made_way
    WHERE s.id = %(first_id)s AND {ACTING}
    RETURNING s.*
)
SELECT {COLUMNS} FROM (SELECT * FROM first UNION ALL SELECT * FROM second) s
""")  # noqa: S608


@dataclass(frozen=True, kw_only=True)
class SeenVisit:
    """A visit as somebody saw it."""

    appointment_id: UUID
    version: int


@dataclass(frozen=True, kw_only=True)
class Exchanged:
    """One of the two: as it stood, and as it stands."""

    before: Appointment
    after: Appointment


async def exchange_visits(
    database: Database, first: SeenVisit, second: SeenVisit, actor: ActorRef
) -> tuple[Exchanged, Exchanged]:
    """Each goes to where the other was, and keeps its minutes. Raises what refuses one of them."""

    async def work(connection: Cursor) -> tuple[Exchanged, Exchanged]:
        return await _exchange(connection, first, second, actor)

    try:
        return await serializable(database, work)
    except psycopg.IntegrityError as error:
        raise refusal_of(error) from None


async def _exchange(
    connection: Cursor, first: SeenVisit, second: SeenVisit, actor: ActorRef
) -> tuple[Exchanged, Exchanged]:
    ids = [first.appointment_id, second.appointment_id]
    rows = {row["id"]: row for row in await connection.all(BOTH, {"ids": ids})}
    for seen in (first, second):
        row = rows.get(seen.appointment_id)
        if row is None:
            raise AppointmentNotFound
        refuse_unmovable(appointment_of(row), version=seen.version, has_begun=row["has_begun"])
    one, other = (rows[each] for each in ids)
    asked = {
        **_goes("first", one, to=other),
        **_goes("second", other, to=one),
        "actor": told(actor),
    }
    if (await connection.one(CLOSING, asked))["shifts"]:
        raise NotASlot
    await connection.write(MAKE_WAY, asked)
    moved = {row["id"]: row for row in await connection.all(EXCHANGE, asked)}
    return _exchanged(one, moved), _exchanged(other, moved)


def _goes(name: str, row: Row, *, to: Row) -> dict[str, object]:
    starts_at: datetime = to["starts_at"]
    length: timedelta = row["ends_at"] - row["starts_at"]
    return {
        f"{name}_id": row["id"],
        f"{name}_patient": row["patient_id"],
        f"{name}_doctor": to["doctor_id"],
        f"{name}_practitioner": to["practitioner_id"],
        f"{name}_overbook": to["overbook"],
        f"{name}_at": starts_at,
        f"{name}_until": starts_at + length,
    }


def _exchanged(row: Row, moved: dict[UUID, Row]) -> Exchanged:
    return Exchanged(before=appointment_of(row), after=appointment_of(moved[row["id"]]))
