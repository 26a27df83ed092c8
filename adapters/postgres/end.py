"""End a hold: confirm it or give the slot back, each one statement that the database decides."""

from dataclasses import replace
from uuid import UUID

from psycopg.sql import SQL

from adapters.postgres.acting import ACTING, told
from adapters.postgres.booking_facts import OWN, own_at_first, own_row
from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor, cursor
from adapters.postgres.rows import COLUMNS, GRACE, Row, appointment_of, hold_of
from domain.actors import ActorRef
from domain.booking import Appointment, Hold, Release, Status
from domain.errors import VersionMismatch
from domain.rules import refuse_ended

CONFIRM = SQL(f"""
UPDATE schedules s
SET status = 'confirmed', confirmed_at = clock_timestamp(), version = version + 1
WHERE id = %(appointment_id)s AND status = 'held'
  AND held_until + interval '{GRACE}' > clock_timestamp() AND {ACTING}
RETURNING {COLUMNS}
""")  # noqa: S608 - our own columns, as below

RELEASE = SQL(f"""
UPDATE schedules s
SET status = %(status)s, reason = %(reason)s, version = version + 1,
    cancelled_at = CASE WHEN %(status)s = 'cancelled' THEN clock_timestamp() END
WHERE id = %(appointment_id)s AND status = 'held'
  AND (NOT %(only_if_lapsed)s OR held_until <= clock_timestamp()) AND {ACTING}
RETURNING {COLUMNS}
""")  # noqa: S608

# A row of that id that occupies nothing: a hold attempt that arrives late loses to it.
LEAVE_TOMBSTONE = SQL(f"""
INSERT INTO schedules AS s (id, visit_id, patient_id, doctor_id, practitioner_id, clinic_id,
                            starts_at, ends_at, status, reason, origin, cancelled_at)
SELECT %(appointment_id)s, %(appointment_id)s, %(patient_id)s, d.id, d.practitioner_id, d.clinic_id,
       %(starts_at)s, CAST(%(starts_at)s AS timestamptz) + make_interval(mins => d.slot_minutes),
       %(status)s, %(reason)s, %(origin)s,
       CASE WHEN %(status)s = 'cancelled' THEN clock_timestamp() END
FROM doctors d WHERE d.id = %(doctor_id)s AND {ACTING}
ON CONFLICT (id) DO NOTHING
RETURNING {COLUMNS}
""")  # noqa: S608


async def confirm_appointment(
    database: Database, appointment_id: UUID, actor: ActorRef
) -> Appointment:
    """One conditional UPDATE: held, not lapsed → confirmed; a second run finds it confirmed.

    The visit may have changed or been cancelled before the second run came. It was confirmed all
    the same, in the version that its row keeps: the caller has yet to announce that one.
    """
    async with cursor(database) as connection:
        asked = {"appointment_id": appointment_id, "actor": told(actor)}
        row = await connection.one_or_none(CONFIRM, asked)
        row = row or await own_row(connection, appointment_id)
        if row["confirmed_version"] is not None:
            return await _as_it_was_confirmed(connection, row)
    refuse_ended(appointment_of(row))
    raise VersionMismatch  # alive, yet not confirmed: only a changed row does that


async def release_slot(database: Database, release: Release) -> Hold:
    """Give the slot back if this appointment still holds it; the row as it is now.

    A second run finds nothing to do; a confirmed row is left alone; where there is no row a
    tombstone is left. A hold that commits in the meantime is seen by the next round.
    """
    parameters = {
        **vars(release.request),
        **vars(release),
        "status": release.status.value,
        "actor": told(release.request.actor),
    }
    async with cursor(database) as connection:
        while True:
            row = await connection.one_or_none(RELEASE, parameters)
            row = row or await connection.one_or_none(OWN, parameters)
            row = row or await connection.one_or_none(LEAVE_TOMBSTONE, parameters)
            row = row or await own_row(connection, release.request.appointment_id)
            if row["stored_status"] != Status.HELD or release.only_if_lapsed:
                return hold_of(row)


async def _as_it_was_confirmed(connection: Cursor, row: Row) -> Appointment:
    """Whatever has become of the visit since."""
    at_first = await own_at_first(connection, row["id"]) if row["moves"] else None
    return replace(
        at_first or appointment_of(row),
        status=Status.CONFIRMED,
        version=row["confirmed_version"],
        cancelled_at=None,
        reason=None,
        moves=0,
        rescheduled_at=None,
    )
