"""Cancel a visit that has not begun: one statement that the database decides."""

from psycopg.sql import SQL

from adapters.postgres.acting import ACTING, told
from adapters.postgres.booking_facts import own_row
from adapters.postgres.database import Database
from adapters.postgres.direct import cursor
from adapters.postgres.rows import COLUMNS, Row, appointment_of
from domain.booking import Appointment, Cancellation, Status
from domain.errors import HoldExpired, TooLate, VersionMismatch

CANCEL = SQL(f"""
UPDATE schedules s
SET status = 'cancelled', reason = %(reason)s, cancelled_at = clock_timestamp(),
    version = version + 1
WHERE id = %(appointment_id)s AND status IN ('held', 'confirmed') AND version = %(version)s
  AND starts_at > clock_timestamp() AND {ACTING}
RETURNING {COLUMNS}
""")  # noqa: S608 - our own columns


async def cancel_appointment(database: Database, cancellation: Cancellation) -> Appointment:
    """Cancel a visit that has not begun, fenced by its version; a second run finds it cancelled."""
    async with cursor(database) as connection:
        asked = {**vars(cancellation), "actor": told(cancellation.actor)}
        row = await connection.one_or_none(CANCEL, asked)
        if row is None:
            row = await own_row(connection, cancellation.appointment_id)
            _refuse_cancellation(row, cancellation)
    return appointment_of(row)


def _refuse_cancellation(row: Row, cancellation: Cancellation) -> None:
    appointment = appointment_of(row)
    if appointment.status is Status.CANCELLED:
        return
    if appointment.status is Status.EXPIRED:
        raise HoldExpired
    raise VersionMismatch if appointment.version != cancellation.version else TooLate
