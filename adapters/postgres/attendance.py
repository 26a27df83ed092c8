"""Mark whether a patient came: the row as it is seen, and one statement fenced by its version."""

from uuid import UUID

import psycopg
from psycopg.sql import SQL

from adapters.postgres.acting import ACTING, told
from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor, cursor
from adapters.postgres.rows import COLUMNS, appointment_of
from adapters.postgres.take import refusal_of
from domain.attendance import Attended, Mark, Settlement, marked_as_seen
from domain.booking import Appointment
from domain.errors import AppointmentNotFound, Changed, NotASlot, WrongState
from domain.zones import zone_named

# The history knows what was done to which version, whoever asks, and however late.
SEE = SQL(f"""
SELECT {COLUMNS}, s.practitioner_id, s.arrived_at, c.time_zone, clock_timestamp() AS now,
    EXISTS (SELECT FROM audit a WHERE a.object = CAST(s.id AS text)
              AND a.version = CAST(%(version)s AS bigint) + 1 AND a.action = %(mark)s) AS was_made
FROM schedules s JOIN clinics c ON c.id = s.clinic_id WHERE s.id = %(appointment_id)s
""")  # noqa: S608 - our own columns, as below

# Marked before its day's end, a visit that is over or was missed no longer occupies its time.
# Undone, it has to find it free.
MARK = SQL(f"""
UPDATE schedules s
SET status = %(becomes)s, version = version + 1,
    arrived_at = CASE WHEN %(becomes)s = 'confirmed' THEN NULL
                      WHEN %(mark)s = 'arrive' THEN clock_timestamp()
                      ELSE arrived_at END
WHERE id = %(appointment_id)s AND version = %(version)s AND {ACTING}
RETURNING {COLUMNS}
""")  # noqa: S608


async def see_attended(
    connection: Cursor, appointment_id: UUID, *, mark: Mark, version: int
) -> Attended | None:
    """The row of this id, if it has one, as the rules of attendance see it."""
    asked = {"appointment_id": appointment_id, "mark": mark.value, "version": version}
    row = await connection.one_or_none(SEE, asked)
    if row is None:
        return None
    return Attended(
        visit=appointment_of(row),
        practitioner_id=row["practitioner_id"],
        arrived_at=row["arrived_at"],
        zone=zone_named(row["time_zone"]),
        now=row["now"],
        was_made=row["was_made"],
    )


async def settle_visit(database: Database, settlement: Settlement) -> Appointment:
    """Mark the visit, or find it marked by an earlier run; the row as it is now."""
    mark, version = settlement.mark, settlement.version
    async with cursor(database) as connection:
        seen = await see_attended(connection, settlement.appointment_id, mark=mark, version=version)
        if seen is None:
            raise AppointmentNotFound
        if seen.was_made:
            return seen.visit
        becomes = marked_as_seen(seen, mark, version=version)
        asked = {
            "appointment_id": settlement.appointment_id,
            "version": version,
            "mark": mark.value,
            "becomes": becomes.value,
            "actor": told(settlement.actor),
        }
        try:
            row = await connection.one_or_none(MARK, asked)
        except psycopg.IntegrityError as error:
            refusal = refusal_of(error)
            # An undone visit has its time back only while its shift is there.
            raise WrongState if isinstance(refusal, NotASlot) else refusal from None
    if row is None:
        raise Changed
    return appointment_of(row)
