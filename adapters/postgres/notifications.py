"""The record of every message: one row an event, audience and channel, whoever tries how often."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import text

from adapters.messages.visit import Visit
from adapters.postgres.database import Database
from adapters.postgres.direct import one_line
from adapters.postgres.inbox_listener import INBOX
from adapters.postgres.seeing import EVERYBODY
from adapters.postgres.told_visit import visit_of, was_own_click
from domain.events import EVENT_KINDS
from domain.news import News
from domain.reminders import Reminder
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
    channel: Channel
    state: State
    error: str | None
    visit: Visit
    version: int
    """The row's, which may be a later one than the news is of: a link is of this one."""

    now: datetime
    patient_zone: ZoneInfo
    is_own_click: bool
    """The patient did it a moment ago and waits for the word: at night as well."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an attempt went: SENT with the provider's id, FAILED for good or SENDING by a code."""

    attempt: Attempt
    state: State
    code: str | None = None
    provider_id: str | None = None


class VisitUnknown(Exception):
    """There is no such appointment: the event is older than the database, or not of this clinic."""


# Without an address there is nothing to send, and nothing to keep in reserve for.
# Superseded: the appointment was confirmed, moved or cancelled by a later version, as every other
# change of the row is told to nobody; of an offer, it is held no more; of a reminder, which is of a
# version, there is another. Or the patient has come, the visit is over, or the event is.
# Open: the rows that another attempt may still change. One that was kept in reserve is opened by
# the attempt that stands in for another channel. The doctor's notice is written where asked for.
BEGIN = text(
    one_line(f"""
WITH visit AS (
    SELECT s.id AS appointment_id, s.patient_id, s.doctor_id,
        s.starts_at, s.ends_at, s.reason, s.origin, s.version,
        CASE WHEN CAST(:step AS text) IS NOT NULL THEN s.version ELSE coalesce(
            greatest(s.confirmed_version, s.rescheduled_version, s.cancelled_version),
            CASE WHEN s.status <> 'held' THEN s.version END, 0
        ) END > :sequence
            OR s.status IN ('arrived', 'completed', 'no_show') OR s.ends_at <= clock_timestamp()
            OR coalesce(CAST(:expires_at AS timestamptz) <= clock_timestamp(), false) AS superseded,
        clock_timestamp() AS now, coalesce(p.time_zone, c.time_zone) AS patient_zone,
        p.full_name AS patient_name, coalesce(p.email, '') AS email,
        coalesce(p.phone, '') AS phone, p.language,
        d.full_name AS doctor_name, d.specialty,
        c.name AS clinic_name, c.address AS clinic_address, c.phone AS clinic_phone, c.time_zone
    FROM schedules s
    JOIN patients p ON p.id = s.patient_id
    JOIN doctors d ON d.id = s.doctor_id
    JOIN clinics c ON c.id = s.clinic_id
    WHERE s.id = :appointment_id
), judged AS (
    SELECT wanted.id, wanted.channel, v.starts_at, CASE
        WHEN v.superseded THEN 'superseded'
        WHEN w.consent = 'withdrawn' OR address.own = '' THEN 'declined'
        WHEN w.consent = 'fallback' AND CAST(:instead_of AS text) IS NULL AND address.other <> ''
            THEN 'reserved'
        ELSE 'sending' END AS status
    FROM visit v
    CROSS JOIN unnest(CAST(:ids AS uuid[]), CAST(:channels AS text[])) AS wanted (id, channel)
    CROSS JOIN LATERAL (SELECT
        CASE wanted.channel WHEN 'sms' THEN v.phone ELSE v.email END AS own,
        CASE wanted.channel WHEN 'sms' THEN v.email ELSE v.phone END AS other
    ) address
    LEFT JOIN consents w
        ON w.patient_id = v.patient_id AND w.kind = :consent AND w.channel = wanted.channel
), attempt AS (
    INSERT INTO notifications (
        id, event_id, audience, channel, kind, status, appointment_id, patient_id, doctor_id,
        starts_at, sequence, attempts, instead_of, step
    )
    SELECT id, :event_id, 'patient', channel, :kind, status,
        :appointment_id, :patient_id, :doctor_id, starts_at, :sequence,
        CASE WHEN status = 'sending' THEN 1 ELSE 0 END, :instead_of, :step
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
    RETURNING id, channel, status, error
), notice AS (
    INSERT INTO notifications (
        id, event_id, audience, channel, kind, status, appointment_id, patient_id, doctor_id,
        starts_at, sequence, attempts, sent_at
    )
    SELECT told.id, :event_id, 'doctor', 'inbox', :kind,
        CASE WHEN EXISTS (
            SELECT FROM notifications later
            WHERE later.appointment_id = v.appointment_id AND later.audience = 'doctor'
              AND later.sequence > :sequence AND later.doctor_id = told.doctor_id
        ) THEN 'superseded' ELSE 'sent' END,
        v.appointment_id, v.patient_id, told.doctor_id, told.starts_at, :sequence, 1,
        clock_timestamp()
    FROM visit v CROSS JOIN unnest(
        CAST(:notice_ids AS uuid[]), CAST(:notice_doctors AS uuid[]),
        CAST(:notice_times AS timestamptz[])
    ) AS told (id, doctor_id, starts_at)
    ON CONFLICT ON CONSTRAINT notifications_once DO NOTHING
    RETURNING doctor_id
), told AS MATERIALIZED (SELECT pg_notify('{INBOX}', doctor_id::text) FROM notice)
SELECT attempt.id, attempt.channel, attempt.status, attempt.error, visit.*,
    (SELECT count(*) FROM told) AS notices
FROM visit LEFT JOIN attempt ON true
""").as_string()  # noqa: S608 - a constant of ours
)

POSTPONED = text("""
UPDATE notifications SET attempts = attempts - 1, error = 'quiet_hours'
WHERE id = :id AND status = 'sending'
""")

# One that another attempt has ended meanwhile stays as that one left it.
RECORD = text("""
UPDATE notifications n
SET status = o.status, error = o.error,
    sent_at = CASE WHEN o.status = 'sent' THEN clock_timestamp() ELSE n.sent_at END,
    provider_message_id = coalesce(o.provider_id, n.provider_message_id)
FROM unnest(
    CAST(:ids AS uuid[]), CAST(:states AS text[]), CAST(:errors AS text[]),
    CAST(:provider_ids AS text[])
) AS o (id, status, error, provider_id)
WHERE n.id = o.id AND n.status = 'sending'
""")


@dataclass(frozen=True, kw_only=True)
class _Notice:
    """What one doctor is told: of a visit at this time."""

    id: UUID
    doctor_id: UUID
    starts_at: datetime


def _notices(event: News) -> list[_Notice]:
    """The doctor's, and that of whom a move leaves; reminders and offers have none."""
    if isinstance(event, Reminder) or not EVENT_KINDS[event.type].of_visit:
        return []
    own = _Notice(
        id=notification_id(event, Audience.DOCTOR, Channel.INBOX),
        doctor_id=event.doctor_id,
        starts_at=event.starts_at,
    )
    before = event.previous
    if before is None or before.doctor_id == event.doctor_id:
        return [own]
    left = uuid5(NOTIFICATIONS, f"{event.event_id}:{Audience.DOCTOR}:{before.doctor_id}")
    return [own, _Notice(id=left, doctor_id=before.doctor_id, starts_at=before.starts_at)]


def notification_id(news: News, audience: Audience, channel: Channel) -> UUID:
    """The same for every attempt: it is also the Message-ID and the gateway's idempotency key."""
    return uuid5(NOTIFICATIONS, f"{news.event_id}:{audience}:{channel}")


class Notifications:
    """Rows of `notifications`; each statement is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(
        self,
        news: News,
        channels: Sequence[Channel],
        *,
        instead_of: Channel | None = None,
        tells_doctor: bool = False,
    ) -> list[Attempt]:
        """Record one more attempt by each channel and read what it has to say. Raises VisitUnknown.

        `instead_of`: the channel that failed for good, for which this one stands in.
        `tells_doctor`: put the notice into the doctor's inbox as well, once; after a move to
        another doctor into both.
        """
        notices = _notices(news) if tells_doctor else []
        asked = {
            "ids": [notification_id(news, Audience.PATIENT, channel) for channel in channels],
            "channels": [channel.value for channel in channels],
            "notice_ids": [notice.id for notice in notices],
            "notice_doctors": [notice.doctor_id for notice in notices],
            "notice_times": [notice.starts_at for notice in notices],
            "event_id": news.event_id,
            "kind": news.kind.name,
            "consent": news.kind.consent,
            "appointment_id": news.appointment_id,
            "patient_id": news.patient_id,
            "doctor_id": news.doctor_id,
            "sequence": news.sequence,
            "expires_at": news.expires_at,
            "step": news.step if isinstance(news, Reminder) else None,
            "instead_of": None if instead_of is None else instead_of.value,
        }
        async with self._database.connect(EVERYBODY) as connection:
            rows = (await connection.execute(BEGIN, asked)).mappings().all()
        if not rows:
            raise VisitUnknown
        visit, zone = visit_of(news, rows[0]), zone_named(rows[0]["patient_zone"])
        is_own_click = was_own_click(news, rows[0])
        return [
            Attempt(
                notification_id=row["id"],
                channel=Channel(row["channel"]),
                state=State(row["status"]),
                error=row["error"],
                visit=visit,
                version=row["version"],
                now=row["now"],
                patient_zone=zone,
                is_own_click=is_own_click,
            )
            for row in rows
            if row["id"] is not None
        ]

    async def tell_doctor(self, news: News) -> None:
        """The notice alone. Raises VisitUnknown."""
        await self.begin(news, (), tells_doctor=True)

    async def postponed(self, attempt: Attempt) -> None:
        """It was no attempt: the patient sleeps."""
        async with self._database.connect() as connection:
            await connection.execute(POSTPONED, {"id": attempt.notification_id})

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """How attempts went, all in one statement."""
        asked = {
            "ids": [outcome.attempt.notification_id for outcome in outcomes],
            "states": [outcome.state.value for outcome in outcomes],
            "errors": [outcome.code for outcome in outcomes],
            "provider_ids": [outcome.provider_id for outcome in outcomes],
        }
        async with self._database.connect() as connection:
            await connection.execute(RECORD, asked)
