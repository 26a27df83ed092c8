"""Hold, extend, confirm, release and cancel: each one transaction that the database decides."""

from dataclasses import asdict, replace
from functools import partial
from uuid import UUID

import psycopg
from psycopg.sql import SQL

from adapters.postgres.booking_facts import OWN, load_facts
from adapters.postgres.database import Database
from adapters.postgres.direct import Plain, plain
from adapters.postgres.rows import COLUMNS, GRACE, Row, appointment_of, hold_of
from adapters.postgres.tables import DOCTOR_FREE, IN_SHIFT, PATIENT_FREE
from adapters.postgres.transactions import TransactionLimit, serializable
from domain.booking import (
    MAX_EXTENSIONS,
    Appointment,
    BookingRequest,
    Cancellation,
    Extension,
    Hold,
    Release,
    Status,
)
from domain.errors import (
    AlreadyCancelled,
    AlreadyConfirmed,
    AppointmentNotFound,
    ExtensionLimit,
    HoldExpired,
    NotASlot,
    PatientBusy,
    Refused,
    SlotTaken,
    TooLate,
    VersionMismatch,
)
from domain.rules import DoctorGrid, SlotWish, check_rules
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
                                starts_at, ends_at, status, held_until, origin)
    SELECT %(appointment_id)s, %(appointment_id)s, %(patient_id)s, %(doctor_id)s,
           %(practitioner_id)s, %(clinic_id)s, %(starts_at)s, %(ends_at)s, 'held',
           least(clock_timestamp() + make_interval(secs => %(hold_seconds)s),
                 CAST(%(starts_at)s AS timestamptz)), %(origin)s
    FROM (SELECT count(*) FROM lapsed) AS made_way
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
  AND held_until > clock_timestamp()
RETURNING {COLUMNS}
""")  # noqa: S608

CONFIRM = SQL(f"""
UPDATE schedules s
SET status = 'confirmed', confirmed_at = clock_timestamp(), version = version + 1
WHERE id = %(appointment_id)s AND status = 'held'
  AND held_until + interval '{GRACE}' > clock_timestamp()
RETURNING {COLUMNS}
""")  # noqa: S608

RELEASE = SQL(f"""
UPDATE schedules s
SET status = %(status)s, reason = %(reason)s, version = version + 1,
    cancelled_at = CASE WHEN %(status)s = 'cancelled' THEN clock_timestamp() END
WHERE id = %(appointment_id)s AND status = 'held'
  AND (NOT %(only_if_lapsed)s OR held_until <= clock_timestamp())
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
FROM doctors d WHERE d.id = %(doctor_id)s
ON CONFLICT (id) DO NOTHING
RETURNING {COLUMNS}
""")  # noqa: S608

CANCEL = SQL(f"""
UPDATE schedules s
SET status = 'cancelled', reason = %(reason)s, cancelled_at = clock_timestamp(),
    version = version + 1
WHERE id = %(appointment_id)s AND status IN ('held', 'confirmed') AND version = %(version)s
  AND starts_at > clock_timestamp()
RETURNING {COLUMNS}
""")  # noqa: S608


async def hold_slot(database: Database, turns: TransactionLimit, request: BookingRequest) -> Hold:
    """Check and hold in one SERIALIZABLE transaction.

    A second run finds its own row, which may have been confirmed, lapsed or given up since.
    """
    try:
        return await serializable(database, partial(_hold, request=request), turns)
    except psycopg.IntegrityError as error:
        raise _refusal_of(error) from None


async def extend_hold(database: Database, extension: Extension) -> Hold:
    """Let a live hold last from now again; a second run finds the version it made."""
    async with plain(database) as connection:
        extended = await connection.one_or_none(EXTEND, asdict(extension))
        if extended is None:
            extended = await _row(connection, extension.appointment_id)
            _refuse_extension(appointment_of(extended), extension)
    return hold_of(extended)


async def confirm_appointment(database: Database, appointment_id: UUID) -> Appointment:
    """One conditional UPDATE: held, not lapsed → confirmed; a second run finds it confirmed.

    The visit may have changed or been cancelled before the second run came. It was confirmed all
    the same, in the version that its row keeps: the caller has yet to announce that one.
    """
    async with plain(database) as connection:
        row = await connection.one_or_none(CONFIRM, {"appointment_id": appointment_id})
        row = row or await _row(connection, appointment_id)
    if row["confirmed_version"] is not None:
        return _as_it_was_confirmed(row)
    _refuse_ended(appointment_of(row))
    raise VersionMismatch  # alive, yet not confirmed: only a changed row does that


async def release_slot(database: Database, release: Release) -> Hold:
    """Give the slot back if this appointment still holds it; the row as it is now.

    A second run finds nothing to do; a confirmed row is left alone; where there is no row a
    tombstone is left. A hold that commits in the meantime is seen by the next round.
    """
    parameters = _release_parameters(release)
    async with plain(database) as connection:
        while True:
            row = await connection.one_or_none(RELEASE, parameters)
            row = row or await connection.one_or_none(OWN, parameters)
            row = row or await connection.one_or_none(LEAVE_TOMBSTONE, parameters)
            row = row or await _row(connection, release.request.appointment_id)
            if row["stored_status"] != Status.HELD or release.only_if_lapsed:
                return hold_of(row)


async def cancel_appointment(database: Database, cancellation: Cancellation) -> Appointment:
    """Cancel a visit that has not begun, fenced by its version; a second run finds it cancelled."""
    async with plain(database) as connection:
        row = await connection.one_or_none(
            CANCEL,
            {
                "appointment_id": cancellation.appointment_id,
                "version": cancellation.version,
                "reason": cancellation.reason,
            },
        )
        if row is None:
            row = await _row(connection, cancellation.appointment_id)
            _refuse_cancellation(row, cancellation)
    return appointment_of(row)


async def _hold(connection: Plain, request: BookingRequest) -> Hold:
    wish = SlotWish(
        patient_id=request.patient_id,
        doctor_id=request.doctor_id,
        starts_at=request.starts_at,
        max_holds=request.max_holds,
    )
    facts, own = await load_facts(connection, wish, appointment_id=request.appointment_id)
    if own is not None:
        return hold_of(await _row(connection, own.appointment_id))
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
    }


def _release_parameters(release: Release) -> dict[str, object]:
    return {
        "appointment_id": release.request.appointment_id,
        "patient_id": release.request.patient_id,
        "doctor_id": release.request.doctor_id,
        "starts_at": release.request.starts_at,
        "origin": release.request.origin,
        "status": release.status.value,
        "reason": release.reason,
        "only_if_lapsed": release.only_if_lapsed,
    }


def _as_it_was_confirmed(row: Row) -> Appointment:
    """Whatever has become of the visit since."""
    return replace(
        appointment_of(row),
        status=Status.CONFIRMED,
        version=row["confirmed_version"],
        cancelled_at=None,
        reason=None,
    )


def _refuse_ended(appointment: Appointment) -> None:
    if appointment.status is Status.EXPIRED:
        raise HoldExpired
    if appointment.status is Status.CANCELLED:
        raise AlreadyCancelled


def _refuse_extension(appointment: Appointment, extension: Extension) -> None:
    """Pass if this very extension was made before, otherwise say why it cannot be made."""
    _refuse_ended(appointment)
    if appointment.status is Status.CONFIRMED:
        raise AlreadyConfirmed
    if (
        appointment.version == extension.version + 1
        and appointment.extensions_left < MAX_EXTENSIONS
    ):
        return
    raise ExtensionLimit if appointment.version == extension.version else VersionMismatch


def _refuse_cancellation(row: Row, cancellation: Cancellation) -> None:
    appointment = appointment_of(row)
    if appointment.status is Status.CANCELLED:
        return
    if appointment.status is Status.EXPIRED:
        raise HoldExpired
    raise VersionMismatch if appointment.version != cancellation.version else TooLate


def _refusal_of(error: psycopg.IntegrityError) -> Refused | psycopg.IntegrityError:
    """A rule that the database keeps, as the refusal that it means."""
    kind = REFUSAL_OF_CONSTRAINT.get(error.diag.constraint_name or "")
    return error if kind is None else kind()


async def _row(connection: Plain, appointment_id: UUID) -> Row:
    row = await connection.one_or_none(OWN, {"appointment_id": appointment_id})
    if row is None:
        raise AppointmentNotFound
    return row
