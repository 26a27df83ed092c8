"""The secret address of a patient's calendar: one a patient, kept as a digest."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from adapters.messages.visit import Language
from adapters.postgres.database import Connection

MAKE = text("""
INSERT INTO calendar_feeds (patient_id, token_hash, language)
VALUES (:patient_id, :token_hash, :language)
ON CONFLICT ON CONSTRAINT calendar_feeds_pkey DO UPDATE SET token_hash = excluded.token_hash,
    language = excluded.language, created_at = clock_timestamp()
""")

OF_PATIENT = text("SELECT created_at FROM calendar_feeds WHERE patient_id = :patient_id")

WHOSE = text("""
SELECT patient_id, language FROM calendar_feeds WHERE token_hash = :token_hash
""")

REVOKE = text("DELETE FROM calendar_feeds WHERE patient_id = :patient_id")


@dataclass(frozen=True, kw_only=True)
class Subscriber:
    """Whose visits an address shows, and in which language."""

    patient_id: UUID
    language: Language


async def make_feed(connection: Connection, patient_id: UUID, language: Language) -> str:
    """The token of a new address, which is told this once; an earlier one leads nowhere now."""
    token = secrets.token_urlsafe(32)
    asked = {"patient_id": patient_id, "token_hash": _digest(token), "language": language.value}
    await connection.execute(MAKE, asked)
    return token


async def feed_made_at(connection: Connection, patient_id: UUID) -> datetime | None:
    """None where there is none."""
    found = await connection.execute(OF_PATIENT, {"patient_id": patient_id})
    return found.scalar_one_or_none()


async def subscriber(connection: Connection, token: str) -> Subscriber | None:
    """None for an address that was never made, or was revoked."""
    found = await connection.execute(WHOSE, {"token_hash": _digest(token)})
    row = found.one_or_none()
    if row is None:
        return None
    return Subscriber(patient_id=row.patient_id, language=Language(row.language))


async def revoke_feed(connection: Connection, patient_id: UUID) -> None:
    """Idempotent."""
    await connection.execute(REVOKE, {"patient_id": patient_id})


def _digest(token: str) -> bytes:
    """Whoever reads the table cannot ask for a calendar by it."""
    return hashlib.sha256(token.encode()).digest()
