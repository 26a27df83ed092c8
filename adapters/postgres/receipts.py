"""Receipts: what a provider says, later, about a message that it took."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import RowMapping, text

from adapters.postgres.consents import Channel
from adapters.postgres.database import Connection
from domain.errors import MessageNotFound
from domain.events import EVENT_KINDS, AppointmentEvent, type_named
from domain.news import News
from domain.reminders import Reminder

OTHER = {Channel.EMAIL: Channel.SMS, Channel.SMS: Channel.EMAIL}


class Fate(StrEnum):
    """What became of a message behind the provider."""

    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """One word of a provider; `code` says why it failed, in the provider's own terms."""

    notification_id: UUID
    channel: Channel
    fate: Fate
    code: str | None = None


@dataclass(frozen=True, kw_only=True)
class Receipted:
    """How the message stands now; `unheard` is the news that the other channel was kept for."""

    status: str
    unheard: News | None


# The first word is the last: a receipt that comes again or late changes nothing. One that is here
# before our own record of the sending ends the attempts.
SAY = text("""
UPDATE notifications SET
    status = :fate,
    error = CASE WHEN :fate = 'failed' THEN coalesce(CAST(:code AS text), 'receipt') END,
    delivered_at = CASE WHEN :fate = 'delivered' THEN clock_timestamp() END
WHERE id = :id AND audience = 'patient' AND channel = :channel AND status IN ('sending', 'sent')
""")

INSTANTS = ", ".join(f"s.{kind.name}_at" for kind in EVENT_KINDS.values() if kind.of_visit)

NEWS = f"""n.event_id, n.kind, n.sequence, n.appointment_id, n.patient_id, n.doctor_id,
    s.clinic_id, s.starts_at, s.ends_at, {INSTANTS}, s.updated_at, n.step, n.created_at,
    s.created_at AS offered_at"""
"""Of a message and its appointment: what it tells of."""

STANDING = text(f"""
SELECT n.status, {NEWS},
    n.status = 'failed' AND EXISTS (
        SELECT FROM notifications o WHERE o.event_id = n.event_id AND o.audience = 'patient'
          AND o.channel = :other AND o.status = 'reserved'
    ) AS other_is_kept
FROM notifications n JOIN schedules s ON s.id = n.appointment_id
WHERE n.id = :id AND n.audience = 'patient' AND n.channel = :channel
""")  # noqa: S608 - our own columns


async def record_receipt(connection: Connection, receipt: Receipt) -> Receipted:
    """Idempotent. Refuses a message that is not known, or not any more."""
    asked = {
        "id": receipt.notification_id,
        "channel": receipt.channel.value,
        "other": OTHER[receipt.channel].value,
        "fate": receipt.fate.value,
        "code": receipt.code,
    }
    await connection.execute(SAY, asked)
    row = (await connection.execute(STANDING, asked)).mappings().one_or_none()
    if row is None:
        raise MessageNotFound
    return Receipted(status=row["status"], unheard=news_of(row) if row["other_is_kept"] else None)


def news_of(row: RowMapping) -> News:
    """As it was announced."""
    return _event(row) if row["step"] is None else _reminder(row)


def _reminder(row: RowMapping) -> Reminder:
    return Reminder(
        event_id=row["event_id"],
        step=row["step"],
        time=row["created_at"],
        sequence=row["sequence"],
        appointment_id=row["appointment_id"],
        patient_id=row["patient_id"],
        doctor_id=row["doctor_id"],
        clinic_id=row["clinic_id"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
    )


def _event(row: RowMapping) -> AppointmentEvent:
    type_ = type_named(row["kind"])
    kind = EVENT_KINDS[type_]
    return AppointmentEvent(
        event_id=row["event_id"],
        type=type_,
        time=row[f"{kind.name}_at" if kind.of_visit else "offered_at"] or row["updated_at"],
        sequence=row["sequence"],
        appointment_id=row["appointment_id"],
        patient_id=row["patient_id"],
        doctor_id=row["doctor_id"],
        clinic_id=row["clinic_id"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        status=kind.status,
    )
