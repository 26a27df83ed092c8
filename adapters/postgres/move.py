"""Move a visit in place: one transaction takes the new time and leaves the old, or does nothing."""

from dataclasses import replace
from functools import partial

import psycopg
from psycopg.sql import SQL

from adapters.postgres.acting import ACTING, told
from adapters.postgres.appointments import see
from adapters.postgres.booking_facts import load_facts_besides
from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor
from adapters.postgres.move_keys import MoveWish
from adapters.postgres.rows import COLUMNS, Row, appointment_of
from adapters.postgres.take import refusal_of
from adapters.postgres.transactions import TransactionLimit, serializable
from domain.booking import Appointment, Move, Status
from domain.clinic_rules import passes_rules
from domain.errors import AppointmentNotFound, Changed, Refused
from domain.rules import DoctorGrid, SlotWish, check_target, refuse_unmovable
from domain.slot import Interval

# PostgreSQL compares no row with itself, so a visit may overlap the time that it leaves. Lapsed
# holds make way as for a hold. Triggers count the move and keep where the visit stood.
MOVE = SQL(f"""
WITH lapsed AS (
    UPDATE schedules SET status = 'expired', version = version + 1
    WHERE status = 'held' AND held_until <= clock_timestamp() AND id <> %(appointment_id)s
      AND (practitioner_id = %(practitioner_id)s OR patient_id = %(patient_id)s)
      AND occupies && tstzrange(%(starts_at)s, %(ends_at)s)
    RETURNING id
), moved AS (
    UPDATE schedules s
    SET doctor_id = %(doctor_id)s, starts_at = %(starts_at)s, ends_at = %(ends_at)s,
        overbook = false, version = s.version + 1
    FROM (SELECT count(*) FROM lapsed) AS made_way
    WHERE s.id = %(appointment_id)s AND s.status = 'confirmed' AND s.version = %(version)s
      AND s.starts_at > clock_timestamp() AND {ACTING}
    RETURNING s.*
)
SELECT {COLUMNS} FROM moved s
""")  # noqa: S608 - our own columns

MADE = SQL("""
SELECT version, moved_at, doctor_id, clinic_id, starts_at, ends_at, (
    SELECT count(*) FROM moves before
    WHERE before.appointment_id = m.appointment_id AND before.version <= m.version
) AS moves
FROM moves m WHERE appointment_id = %(appointment_id)s AND version = CAST(%(version)s AS bigint) + 1
  AND starts_at = %(starts_at)s
  AND doctor_id = coalesce(CAST(%(doctor_id)s AS uuid), previous_doctor_id)
""")


async def move_appointment(database: Database, turns: TransactionLimit, move: Move) -> Appointment:
    """Move a visit that has not begun, fenced by its version.

    A second run finds that the move was made, whatever has become of the visit since.
    """
    try:
        return await serializable(database, partial(_move, move=move), turns)
    except psycopg.IntegrityError as error:
        raise refusal_of(error) from None


async def _move(connection: Cursor, move: Move) -> Appointment:
    wish = SlotWish(
        patient_id=move.patient_id,
        doctor_id=move.doctor_id,
        starts_at=move.starts_at,
        max_holds=0,
        passes_rules=move.is_offered or passes_rules(move.actor, move.reason),
        stands_at=move.previous.clinic_id,
    )
    facts = await load_facts_besides(connection, wish, appointment_id=move.appointment_id)
    try:
        desk, slot = check_target(wish, facts)
    except Refused as refused:
        return await _as_it_was_moved(connection, move, otherwise=refused)
    moved = await connection.one_or_none(MOVE, _parameters(move, desk, slot))
    if moved is None:
        return await _as_it_was_moved(connection, move, otherwise=Changed())
    return appointment_of(moved)


def _parameters(move: Move, desk: DoctorGrid, slot: Interval) -> dict[str, object]:
    return {
        "appointment_id": move.appointment_id,
        "version": move.version,
        "patient_id": move.patient_id,
        "doctor_id": desk.doctor_id,
        "practitioner_id": desk.practitioner_id,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "actor": told(move.actor, reason=move.reason),
    }


async def _as_it_was_moved(connection: Cursor, move: Move, *, otherwise: Refused) -> Appointment:
    """What an earlier run of this move did; else why there is none."""
    seen = await see(connection, move.appointment_id)
    if seen is None:
        raise AppointmentNotFound
    made = await made_before(connection, seen.appointment, move)
    if made is not None:
        return made
    refuse_unmovable(seen.appointment, version=move.version, has_begun=seen.has_begun)
    raise otherwise


async def made_before(
    connection: Cursor, visit: Appointment, wish: Move | MoveWish
) -> Appointment | None:
    """The visit as the move of this version to this time left it, if it was made."""
    made = await connection.one_or_none(MADE, vars(wish))
    return None if made is None else _standing(visit, made)


def _standing(visit: Appointment, made: Row) -> Appointment:
    """The visit as this move left it."""
    return replace(
        visit,
        status=Status.CONFIRMED,
        version=made["version"],
        doctor_id=made["doctor_id"],
        clinic_id=made["clinic_id"],
        starts_at=made["starts_at"],
        ends_at=made["ends_at"],
        rescheduled_at=made["moved_at"],
        moves=made["moves"],
        attendance=None,
        cancelled_at=None,
        reason=None,
    )
