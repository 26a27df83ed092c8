"""An appointment as the world reads it: the same JSON over HTTP and in the Temporal UI."""

from datetime import UTC, datetime
from typing import NotRequired, TypedDict
from uuid import UUID

from domain.booking import Appointment, Status


class AppointmentDocument(TypedDict):
    """camelCase, times RFC 3339 in UTC (`Z`), absent facts null."""

    appointmentId: str
    status: str
    patientId: str
    doctorId: str
    clinicId: str
    dateTime: str
    endsAt: str | None
    heldUntil: str | None
    version: int | None
    createdAt: str | None
    confirmedAt: str | None
    cancelledAt: str | None
    reason: str | None
    extensionsLeft: int
    visitCode: str
    origin: str
    serviceId: str | None
    moves: int
    attendance: str | None
    code: NotRequired[str]


def timestamp(instant: datetime) -> str:
    """RFC 3339 in UTC, microseconds only where there are any."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def document(appointment: Appointment, *, code: str | None = None) -> AppointmentDocument:
    """`code` says why a refused appointment was refused; others have none."""
    shows_hold = appointment.status in {Status.HELD, Status.EXPIRED}
    written = AppointmentDocument(
        appointmentId=str(appointment.appointment_id),
        status=appointment.status.value,
        patientId=str(appointment.patient_id),
        doctorId=str(appointment.doctor_id),
        clinicId=str(appointment.clinic_id),
        dateTime=timestamp(appointment.starts_at),
        endsAt=_optional(appointment.ends_at),
        heldUntil=_optional(appointment.held_until) if shows_hold else None,
        version=appointment.version,
        createdAt=_optional(appointment.created_at),
        confirmedAt=_optional(appointment.confirmed_at),
        cancelledAt=_optional(appointment.cancelled_at),
        reason=appointment.reason,
        extensionsLeft=appointment.extensions_left if appointment.status is Status.HELD else 0,
        visitCode=visit_code(appointment.appointment_id),
        origin=appointment.origin,
        serviceId=None if appointment.service_id is None else str(appointment.service_id),
        moves=appointment.moves,
        attendance=appointment.attendance,
    )
    if code is not None and appointment.status is Status.REFUSED:
        written["code"] = code
    return written


def visit_code(appointment_id: UUID) -> str:
    """What messages and pages show, and people say on the phone."""
    return str(appointment_id)[:8].upper()


def _optional(instant: datetime | None) -> str | None:
    return None if instant is None else timestamp(instant)
