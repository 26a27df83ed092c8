"""A row of Schedules as an `Appointment`; a hold is judged by the database clock on every read."""

from dataclasses import replace
from typing import Any, Protocol

from domain.booking import MAX_EXTENSIONS, Appointment, Hold, Status

GRACE = "2 seconds"
"""A confirmation that the workflow accepted in time may reach the row this much later."""

# A slot is free for others from held_until on: whoever takes it ends the hold. Until then, and for
# the grace at most, the hold may still be confirmed, so it reads as held.
COLUMNS = f"""
    s.id, s.patient_id, s.doctor_id, s.clinic_id, s.starts_at, s.ends_at, s.held_until, s.version,
    s.status AS stored_status, s.created_at, s.confirmed_at, s.cancelled_at, s.reason, s.extensions,
    s.confirmed_version, s.moves, s.rescheduled_at, s.origin, s.service_id, s.attendance,
    CAST(extract(epoch FROM s.held_until - clock_timestamp()) AS float8) AS lasts_seconds,
    CASE WHEN s.status = 'held' AND s.held_until + interval '{GRACE}' <= clock_timestamp()
         THEN 'expired'
         ELSE s.status END AS status
"""


class Row(Protocol):
    """A row by its columns' names, as psycopg or SQLAlchemy give it."""

    def __getitem__(self, column: str, /) -> Any: ...


def appointment_of(row: Row) -> Appointment:
    return Appointment(
        appointment_id=row["id"],
        status=Status(row["status"]),
        patient_id=row["patient_id"],
        doctor_id=row["doctor_id"],
        clinic_id=row["clinic_id"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        held_until=row["held_until"],
        version=row["version"],
        created_at=row["created_at"],
        confirmed_at=row["confirmed_at"],
        cancelled_at=row["cancelled_at"],
        reason=row["reason"],
        extensions_left=_extensions_left(row),
        moves=row["moves"],
        rescheduled_at=row["rescheduled_at"],
        origin=row["origin"],
        service_id=row["service_id"],
        attendance=row["attendance"],
    )


def _extensions_left(row: Row) -> int:
    """An offer lasts as long as it lasts: no run waits for more time to be asked for."""
    return 0 if row["origin"] == "offer" else max(0, MAX_EXTENSIONS - row["extensions"])


def hold_of(row: Row) -> Hold:
    """For its booking, what was confirmed stays so, whatever the clinic has said of it since."""
    appointment = appointment_of(row)
    if appointment.status.was_confirmed:
        appointment = replace(appointment, status=Status.CONFIRMED)
    return Hold(appointment=appointment, lasts_seconds=max(0.0, row["lasts_seconds"] or 0.0))
