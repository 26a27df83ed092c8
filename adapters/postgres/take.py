"""Take a slot and keep it: hold and extend, each one transaction that the database decides."""

from functools import partial

import psycopg
from psycopg.sql import SQL

from adapters.postgres.acting import ACTING, told
from adapters.postgres.booking_facts import load_facts, own_row
from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor, cursor
from adapters.postgres.rows import COLUMNS, hold_of
from adapters.postgres.tables import DOCTOR_FREE, IN_SHIFT, PATIENT_FREE
from adapters.postgres.transactions import TransactionLimit, serializable
from domain.actors import SYSTEM
from domain.booking import (
    MAX_EXTENSIONS,
    BookingRequest,
    Extension,
    Hold,
    Status,
)
from domain.clinic_rules import passes_rules
from domain.errors import (
    AlreadyConfirmed,
    ExtensionLimit,
    HoldExpired,
    NotASlot,
    PatientBusy,
    Refused,
    SlotTaken,
    VersionMismatch,
)
from domain.rules import DoctorGrid, SlotWish, check_rules, refuse_ended
from domain.slot import Interval

REFUSAL_OF_CONSTRAINT: dict[str, type[Refused]] = {
    DOCTOR_FREE: SlotTaken,
    PATIENT_FREE: PatientBusy,
    IN_SHIFT: NotASlot,
}

# A hold ends when its slot begins, at the latest: nobody confirms a visit that is under way.
# Taking a slot expires every lapsed hold in its way, of the practitioner or of the patient. The
# INSERT reads from `lapsed`, or PostgreSQL would be free to run it first.
TAKE_SLOT = SQL(f"""
WITH lapsed AS (
    UPDATE schedules SET status = 'expired', version = version + 1
    WHERE status = 'held' AND held_until <= clock_timestamp() AND id <> %(appointment_id)s
      AND (practitioner_id = %(practitioner_id)s OR patient_id = %(patient_id)s)
      AND occupies && tstzrange(%(starts_at)s, %(ends_at)s)
    RETURNING id
), taken AS (
    INSERT INTO schedules AS s (id, visit_id, patient_id, doctor_id, practitioner_id, clinic_id,
                                starts_at, ends_at, status, held_until, origin, service_id,
                                overbook, held_by)
    SELECT %(appointment_id)s, %(appointment_id)s, %(patient_id)s, %(doctor_id)s,
           %(practitioner_id)s, %(clinic_id)s, %(starts_at)s, %(ends_at)s, 'held',
           least(clock_timestamp() + make_interval(secs => %(hold_seconds)s),
                 CAST(%(starts_at)s AS timestamptz)), %(origin)s,
           CAST(%(service_id)s AS uuid), %(overbook)s,
           nullif(CAST(%(holder)s AS uuid), %(patient_id)s)
    FROM (SELECT count(*) FROM lapsed) AS made_way WHERE {ACTING}
    ON CONFLICT DO NOTHING
    RETURNING s.*
)
SELECT {COLUMNS} FROM taken s
""")  # noqa: S608 - our own columns, as below

EXTEND = SQL(f"""
UPDATE schedules s
SET held_until = least(
        clock_timestamp() + make_interval(secs => %(hold_seconds)s), starts_at),
    first_held_until = coalesce(first_held_until, held_until),
    extensions = extensions + 1, version = version + 1
WHERE id = %(appointment_id)s AND status = 'held' AND version = %(version)s AND extensions < 2
  AND held_until > clock_timestamp() AND {ACTING}
RETURNING {COLUMNS}
""")  # noqa: S608


async def hold_slot(database: Database, turns: TransactionLimit, request: BookingRequest) -> Hold:
    """Check and hold in one SERIALIZABLE transaction.

    A second run finds its own row, which may have been confirmed, lapsed or given up since.
    """
    try:
        return await serializable(database, partial(_hold, request=request), turns)
    except psycopg.IntegrityError as error:
        raise refusal_of(error) from None


async def extend_hold(database: Database, extension: Extension) -> Hold:
    """Let a live hold last from now again; a second run finds the version it made."""
    async with cursor(database) as connection:
        extended = await connection.one_or_none(EXTEND, _extension_parameters(extension))
        if extended is None:
            extended = await own_row(connection, extension.appointment_id)
            _refuse_extension(hold_of(extended), extension)
    return hold_of(extended)


async def _hold(connection: Cursor, request: BookingRequest) -> Hold:
    wish = SlotWish(
        patient_id=request.patient_id,
        doctor_id=request.doctor_id,
        starts_at=request.starts_at,
        max_holds=request.max_holds,
        service_id=request.service_id,
        passes_rules=passes_rules(request.actor, request.reason),
        overbook=request.overbook,
        hold_seconds=request.hold_seconds,
        holder=request.actor.holder,
        by_staff=request.origin == "reception",
    )
    facts, own = await load_facts(connection, wish, appointment_id=request.appointment_id)
    if own is not None:
        return hold_of(await own_row(connection, own.appointment_id))
    desk, slot = check_rules(wish, facts)
    taken = await connection.one_or_none(TAKE_SLOT, _hold_parameters(request, desk, slot))
    if taken is None:
        raise SlotTaken
    return hold_of(taken)


def _hold_parameters(
    request: BookingRequest, desk: DoctorGrid, slot: Interval
) -> dict[str, object]:
    return {
        "appointment_id": request.appointment_id,
        "patient_id": request.patient_id,
        "doctor_id": desk.doctor_id,
        "practitioner_id": desk.practitioner_id,
        "clinic_id": desk.clinic_id,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "hold_seconds": request.hold_seconds,
        "origin": request.origin,
        "service_id": request.service_id,
        "actor": told(request.actor, reason=request.reason),
        "overbook": request.overbook,
        "holder": request.actor.holder,
    }


def _extension_parameters(extension: Extension) -> dict[str, object]:
    return {**vars(extension), "actor": told(extension.actor or SYSTEM)}


def _refuse_extension(hold: Hold, extension: Extension) -> None:
    """Pass if this very extension was made before, otherwise say why it cannot be made."""
    appointment = hold.appointment
    refuse_ended(appointment)
    if appointment.status is Status.CONFIRMED:
        raise AlreadyConfirmed
    if not hold.lasts_seconds:
        raise HoldExpired
    if (
        appointment.version == extension.version + 1
        and appointment.extensions_left < MAX_EXTENSIONS
    ):
        return
    raise ExtensionLimit if appointment.version == extension.version else VersionMismatch


def refusal_of(error: psycopg.IntegrityError) -> Refused | psycopg.IntegrityError:
    """A rule that the database keeps, as the refusal that it means."""
    kind = REFUSAL_OF_CONSTRAINT.get(error.diag.constraint_name or "")
    return error if kind is None else kind()
