"""The lines that operations read on a run's page: where the booking stands and what it awaits."""

from datetime import UTC, datetime

from domain.booking import Appointment, Refusal, Status

MEANING = {
    Status.PENDING: "the slot is not held yet",
    Status.HELD: "nobody else can take the slot",
    Status.CONFIRMED: "the visit stands; patient and doctor are being told",
    Status.CANCELLED: "the slot is free again",
    Status.EXPIRED: "the patient did not confirm in time; the slot is free again",
    Status.REFUSED: "the slot could not be held; nothing had to be undone",
}


def details_of(appointment: Appointment, *, now: str, refusal: Refusal | None = None) -> str:
    """Markdown without patient data."""
    lines = [
        f"**{appointment.status.value}**: {MEANING[appointment.status]}",
        "",
        now,
        "",
        f"- visit: {_clock(appointment.starts_at)}, doctor `{appointment.doctor_id}`",
    ]
    if appointment.status is Status.HELD and appointment.held_until is not None:
        lines.append(f"- held until: {_clock(appointment.held_until)}")
    if appointment.reason is not None:
        lines.append(f"- reason: `{appointment.reason}`")
    if refusal is not None:
        lines.append(f"- refusal: `{refusal.code}`")
    return "\n".join(lines)


def _clock(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
