"""The record of every message: one row an event, audience and channel, whoever tries how often."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping, text

from adapters.messages.visit import Kind, Language, Visit
from adapters.postgres.database import Database
from adapters.postgres.inbox_listener import INBOX
from domain.booking import CancelReason
from domain.events import EVENT_KINDS, AppointmentEvent, EventType
from domain.zones import zone_named

NOTIFICATIONS = UUID("c2b8a1f4-0d7e-5b6c-8f3a-9e4d2b7c6a15")
"""Namespace of notification ids (uuid5 of event, audience and channel)."""


class Audience(StrEnum):
    PATIENT = "patient"
    DOCTOR = "doctor"


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    INBOX = "inbox"


class State(StrEnum):
    """Where a message stands; `sending` is the only one that another attempt changes."""

    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    DECLINED = "declined"
    """The patient has withdrawn the consent to this kind of message by this channel."""
    RESERVED = "reserved"
    """Kept back, by the patient's wish, until the other channel has failed for good."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try to send one message; `visit` is what it says, read a moment ago."""

    notification_id: UUID
    state: State
    error: str | None
    visit: Visit
    now: datetime
    patient_zone: ZoneInfo
    is_own_click: bool
    """The patient did it a moment ago and waits for the word: at night as well."""


class VisitUnknown(Exception):
    """There is no such appointment: the event is older than the database, or not of this clinic."""


# Superseded: the appointment has moved on to a later version, the visit is over, or the event is.
# Open: the rows that another attempt may still change. One that was kept in reserve is opened by
# the attempt that stands in for another channel.
BEGIN = text("""
WITH visit AS (
    SELECT s.starts_at, s.ends_at, s.confirmed_at, s.cancelled_at, s.reason, s.origin,
        s.version > :sequence OR s.ends_at <= clock_timestamp()
            OR coalesce(CAST(:expires_at AS timestamptz) <= clock_timestamp(), false) AS superseded,
        clock_timestamp() AS now, coalesce(p.time_zone, c.time_zone) AS patient_zone,
        coalesce(w.consent, 'given') AS consent,
        p.full_name AS patient_name, p.email, p.phone, p.language,
        d.full_name AS doctor_name, d.specialty,
        c.name AS clinic_name, c.address AS clinic_address, c.phone AS clinic_phone, c.time_zone
    FROM schedules s
    JOIN patients p ON p.id = s.patient_id
    JOIN doctors d ON d.id = s.doctor_id
    JOIN clinics c ON c.id = s.clinic_id
    LEFT JOIN consents w ON w.patient_id = p.id AND w.kind = :consent AND w.channel = :channel
    WHERE s.id = :appointment_id
), judged AS (
    SELECT starts_at, CASE
        WHEN superseded THEN 'superseded'
        WHEN consent = 'withdrawn' THEN 'declined'
        WHEN consent = 'fallback' AND CAST(:instead_of AS text) IS NULL THEN 'reserved'
        ELSE 'sending' END AS status
    FROM visit
), attempt AS (
    INSERT INTO notifications (
        id, event_id, audience, channel, kind, status, appointment_id, patient_id, doctor_id,
        starts_at, sequence, attempts, instead_of
    )
    SELECT :id, :event_id, 'patient', :channel, :kind, status,
        :appointment_id, :patient_id, :doctor_id, starts_at, :sequence,
        CASE WHEN status = 'sending' THEN 1 ELSE 0 END, :instead_of
    FROM judged
    ON CONFLICT ON CONSTRAINT notifications_once DO UPDATE SET
        (status, attempts, instead_of) = (
            SELECT
                CASE WHEN is_open THEN excluded.status ELSE notifications.status END,
                notifications.attempts + CASE WHEN is_open THEN excluded.attempts ELSE 0 END,
                CASE WHEN is_open THEN excluded.instead_of ELSE notifications.instead_of END
            FROM (SELECT notifications.status = 'sending' OR (
                notifications.status = 'reserved' AND excluded.instead_of IS NOT NULL
            )) AS row (is_open)
        )
    RETURNING id, status, error
)
SELECT attempt.id, attempt.status, attempt.error, visit.* FROM visit, attempt
""")

POSTPONED = text("""
UPDATE notifications SET attempts = attempts - 1, error = 'quiet_hours'
WHERE id = :id AND status = 'sending'
""")

SENT = text("""
UPDATE notifications
SET status = 'sent', sent_at = clock_timestamp(), provider_message_id = :provider_id, error = NULL
WHERE id = :id AND status = 'sending'
""")

NOT_SENT = text("""
UPDATE notifications SET status = :status, error = :error WHERE id = :id AND status = 'sending'
""")

TELL_DOCTOR = text(f"""
WITH told AS (
INSERT INTO notifications (
    id, event_id, audience, channel, kind, status, appointment_id, patient_id, doctor_id,
    starts_at, sequence, attempts, sent_at
)
SELECT :id, :event_id, 'doctor', 'inbox', :kind,
    CASE WHEN EXISTS (
        SELECT FROM notifications later
        WHERE later.appointment_id = s.id AND later.audience = 'doctor'
          AND later.sequence > :sequence
    ) THEN 'superseded' ELSE 'sent' END,
    s.id, s.patient_id, CAST(:doctor_id AS uuid), :starts_at, :sequence, 1, clock_timestamp()
FROM schedules s WHERE s.id = :appointment_id
ON CONFLICT ON CONSTRAINT notifications_once DO NOTHING
RETURNING doctor_id
)
SELECT pg_notify('{INBOX}', doctor_id::text) FROM told
""")  # noqa: S608 - a constant of ours

KNOWN = text("SELECT FROM schedules WHERE id = :appointment_id")


def notification_id(event: AppointmentEvent, audience: Audience, channel: Channel) -> UUID:
    """The same for every attempt: it is also the Message-ID and the gateway's idempotency key."""
    return uuid5(NOTIFICATIONS, f"{event.event_id}:{audience}:{channel}")


class Notifications:
    """Rows of `notifications`; each statement is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(
        self, event: AppointmentEvent, channel: Channel, *, instead_of: Channel | None = None
    ) -> Attempt:
        """Record one more attempt and read what it has to say. Raises VisitUnknown.

        `instead_of`: the channel that failed for good, for which this one stands in.
        """
        asked = {
            "id": notification_id(event, Audience.PATIENT, channel),
            "event_id": event.event_id,
            "channel": channel.value,
            "kind": EVENT_KINDS[event.type].name,
            "consent": EVENT_KINDS[event.type].consent,
            "appointment_id": event.appointment_id,
            "patient_id": event.patient_id,
            "doctor_id": event.doctor_id,
            "sequence": event.sequence,
            "expires_at": event.expires_at,
            "instead_of": None if instead_of is None else instead_of.value,
        }
        async with self._database.connect() as connection:
            found = (await connection.execute(BEGIN, asked)).mappings().one_or_none()
        if found is None:
            raise VisitUnknown
        return Attempt(
            notification_id=found["id"],
            state=State(found["status"]),
            error=found["error"],
            visit=_visit(event, found),
            now=found["now"],
            patient_zone=zone_named(found["patient_zone"]),
            is_own_click=_is_own_click(event, found),
        )

    async def postponed(self, attempt: Attempt) -> None:
        """It was no attempt: the patient sleeps."""
        async with self._database.connect() as connection:
            await connection.execute(POSTPONED, {"id": attempt.notification_id})

    async def sent(self, attempt: Attempt, provider_id: str) -> None:
        asked = {"id": attempt.notification_id, "provider_id": provider_id}
        async with self._database.connect() as connection:
            await connection.execute(SENT, asked)

    async def not_sent(self, attempt: Attempt, error: str, *, state: State) -> None:
        """`error` is a code; `state` is FAILED for good, or SENDING when it will be tried again."""
        asked = {"id": attempt.notification_id, "status": state.value, "error": error}
        async with self._database.connect() as connection:
            await connection.execute(NOT_SENT, asked)

    async def tell_doctor(self, event: AppointmentEvent) -> None:
        """Put the notice into the doctor's inbox, once. Raises VisitUnknown."""
        asked = {
            "id": notification_id(event, Audience.DOCTOR, Channel.INBOX),
            "event_id": event.event_id,
            "kind": EVENT_KINDS[event.type].name,
            "appointment_id": event.appointment_id,
            "doctor_id": event.doctor_id,
            "starts_at": event.starts_at,
            "sequence": event.sequence,
        }
        async with self._database.connect() as connection:
            written = await connection.execute(TELL_DOCTOR, asked)
            if written.first() is None and (await connection.execute(KNOWN, asked)).first() is None:
                raise VisitUnknown


def _is_own_click(event: AppointmentEvent, row: RowMapping) -> bool:
    if event.type is EventType.CONFIRMED:
        return bool(row["origin"] == "patient")
    return bool(row["reason"] != CancelReason.CLINIC_REQUEST)


def _visit(event: AppointmentEvent, row: RowMapping) -> Visit:
    facts = {name: row[name] for name in ("starts_at", "ends_at", *_TEXTS)}
    return Visit(
        appointment_id=event.appointment_id,
        kind=Kind(EVENT_KINDS[event.type].letter),
        version=event.sequence,
        changed_at=event.time,
        language=Language(str(row["language"])),
        **facts,
    )


_TEXTS = (
    "patient_name",
    "email",
    "phone",
    "doctor_name",
    "specialty",
    "clinic_name",
    "clinic_address",
    "clinic_phone",
    "time_zone",
)
