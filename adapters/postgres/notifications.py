"""The record of every message: one row an event, audience and channel, whoever tries how often."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import text

from adapters.messages.delivery_errors import MAY_HAVE_ARRIVED, UNANSWERED_TILL_MORNING
from adapters.messages.visit import Visit
from adapters.postgres.database import Database
from adapters.postgres.judged_messages import BEGIN
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
    after: timedelta | None = None
    """What the provider asked for; in no row."""


class VisitUnknown(Exception):
    """There is no such appointment: the event is older than the database, or not of this clinic."""


# What a letter may have done is not forgotten over a night.
POSTPONED = text("""
UPDATE notifications SET attempts = attempts - 1, error = CASE
    WHEN error = ANY(:may_have_arrived) THEN :till_morning ELSE 'quiet_hours' END
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
        asked = {
            "id": attempt.notification_id,
            "may_have_arrived": MAY_HAVE_ARRIVED,
            "till_morning": UNANSWERED_TILL_MORNING,
        }
        async with self._database.connect() as connection:
            await connection.execute(POSTPONED, asked)

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
