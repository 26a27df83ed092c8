"""What a patient agreed to be told, by kind of message and channel; unsaid means agreed."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text

from adapters.messages.visit import Kind
from adapters.postgres.database import Connection
from domain.errors import PatientNotFound


class Channel(StrEnum):
    """How a patient is reached."""

    EMAIL = "email"
    SMS = "sms"


class Consent(StrEnum):
    """Whether messages of a kind may come by a channel.

    `fallback`: only where the other failed, or may not be used.
    """

    GIVEN = "given"
    FALLBACK = "fallback"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, kw_only=True)
class Agreed:
    """One kind of message by one channel."""

    kind: Kind
    channel: Channel
    consent: Consent


OF_PATIENT = text("""
SELECT c.kind, c.channel, c.consent FROM patient_facts p LEFT JOIN consents c ON c.patient_id = p.id
WHERE p.id = :patient_id AND p.erased_at IS NULL
""")

REACHED = text("""
SELECT w.channel,
    CASE w.channel WHEN 'sms' THEN coalesce(p.phone, '') ELSE coalesce(p.email, '') END <> ''
        AS has_address,
    coalesce(c.consent, 'given') AS consent
FROM patients p CROSS JOIN (VALUES ('email'), ('sms')) AS w (channel)
LEFT JOIN consents c ON c.patient_id = p.id AND c.kind = :kind AND c.channel = w.channel
WHERE p.id = :patient_id
""")

SAY = text("""
INSERT INTO consents (patient_id, kind, channel, consent)
SELECT id, :kind, :channel, :consent FROM patient_facts
WHERE id = :patient_id AND erased_at IS NULL
ON CONFLICT ON CONSTRAINT consents_pkey DO UPDATE SET
    consent = excluded.consent,
    changed_at = CASE WHEN consents.consent = excluded.consent THEN consents.changed_at
                      ELSE clock_timestamp() END
""")


async def consents_of(connection: Connection, patient_id: UUID) -> list[Agreed]:
    """Every kind and channel, in one order; refuses a patient who does not exist."""
    rows = (await connection.execute(OF_PATIENT, {"patient_id": patient_id})).all()
    if not rows:
        raise PatientNotFound
    said = {(row.kind, row.channel): row.consent for row in rows}
    return [
        Agreed(
            kind=kind,
            channel=channel,
            consent=Consent(said.get((kind.value, channel.value), Consent.GIVEN.value)),
        )
        for kind in Kind
        for channel in Channel
    ]


async def channels_of(connection: Connection, patient_id: UUID, kind: Kind) -> frozenset[Channel]:
    """By which the patient is told first: there is an address, and it may be used."""
    rows = (await connection.execute(REACHED, {"patient_id": patient_id, "kind": kind.value})).all()
    used = {row.channel: row.consent for row in rows if row.has_address}
    given = {channel for channel, consent in used.items() if consent == Consent.GIVEN.value}
    kept = {channel for channel, consent in used.items() if consent == Consent.FALLBACK.value}
    return frozenset(map(Channel, given or kept))


async def say_consent(connection: Connection, patient_id: UUID, agreed: Agreed) -> None:
    """Idempotent. It counts from the next attempt on, also for a message that is under way."""
    asked = {
        "patient_id": patient_id,
        "kind": agreed.kind.value,
        "channel": agreed.channel.value,
        "consent": agreed.consent.value,
    }
    if (await connection.execute(SAY, asked)).rowcount == 0:
        raise PatientNotFound
