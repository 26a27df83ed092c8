"""Answers to reminders by text message: each counts once, by the id that its provider gave it."""

from dataclasses import dataclass
from uuid import UUID

from psycopg.sql import SQL

from adapters.messages.visit import Kind, Language
from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor
from adapters.postgres.rows import Row
from adapters.postgres.seeing import EVERYBODY
from adapters.postgres.transactions import serializable
from domain.replies import Word

KNOWN = SQL("""
SELECT word, appointment_id, version, is_again FROM replies WHERE message_id = %(message_id)s
""")

# A telephone may be a family's: the first of them says in which language it is answered.
LANGUAGE = SQL("""
SELECT id, language FROM patients WHERE phone = %(phone)s AND erased_at IS NULL
""")

# The next appointment that stands and was reminded of by text message as it is now. Who is asked
# whether to cancel one of them goes on about that one, whatever was reminded of since.
ANSWERED = SQL("""
SELECT s.id AS appointment_id, s.version, asked.before AS is_again
FROM patients p
JOIN schedules s ON s.patient_id = p.id AND s.status = 'confirmed'
    AND s.starts_at > clock_timestamp()
CROSS JOIN LATERAL (SELECT %(word)s = 'cancel' AND EXISTS (
    SELECT FROM replies r WHERE r.appointment_id = s.id AND r.version = s.version
      AND r.word = 'cancel' AND r.received_at > clock_timestamp() - interval '1 day'
)) asked (before)
WHERE p.phone = %(phone)s AND p.erased_at IS NULL AND EXISTS (
    SELECT FROM notifications n WHERE n.appointment_id = s.id AND n.sequence = s.version
      AND n.channel = 'sms' AND n.step IS NOT NULL AND n.status IN ('sent', 'delivered')
)
ORDER BY asked.before DESC, s.starts_at, s.id LIMIT 1
""")

KEEP = SQL("""
INSERT INTO replies (message_id, word, appointment_id, version, is_again)
VALUES (%(message_id)s, %(word)s, %(appointment_id)s, %(version)s, %(is_again)s)
ON CONFLICT ON CONSTRAINT replies_pkey DO NOTHING
""")

# It is in the trail as the same word at the API is.
WITHDRAW = SQL("""
WITH own AS (
    SELECT id FROM patients WHERE phone = %(phone)s AND erased_at IS NULL
), said AS (
    INSERT INTO consents (patient_id, kind, channel, consent)
    SELECT id, kind, 'sms', 'withdrawn'
    FROM own CROSS JOIN unnest(CAST(%(kinds)s AS text[])) AS kind
    ON CONFLICT ON CONSTRAINT consents_pkey DO UPDATE SET
        consent = excluded.consent, changed_at = clock_timestamp()
        WHERE consents.consent <> excluded.consent
)
INSERT INTO audit (actor, role, action, object, patient_id, clinic_ids)
SELECT id::text, 'patient', 'consent', id::text, id, '{}' FROM own
""")


@dataclass(frozen=True, kw_only=True)
class Received:
    """One text message, as the gateway says it; `phone` is E.164."""

    message_id: str
    phone: str
    word: Word


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What an answer is about, as it was decided when it came first.

    `is_again`: the second wish to cancel. `language` is null where nobody has this telephone.
    """

    word: Word
    language: Language | None
    appointment_id: UUID | None = None
    version: int = 0
    is_again: bool = False


async def take(database: Database, received: Received) -> Taken:
    """Idempotent: the same message again is about the same visit, and is no second wish.

    A telephone is all that is known of who sent it, so whose it is, is looked for among all.
    """
    asked: dict[str, object] = {
        "message_id": received.message_id,
        "phone": received.phone,
        "word": received.word.value,
        "kinds": [kind.value for kind in Kind],
    }

    async def work(connection: Cursor) -> Taken:
        people = await connection.all(LANGUAGE, asked)
        if not people:
            return Taken(word=received.word, language=None)
        person = min(people, key=lambda row: row["id"])
        row = await connection.one_or_none(KNOWN, asked)
        if row is None:
            row = await _decided(connection, received, asked)
        return Taken(
            word=received.word,
            language=Language(person["language"]),
            appointment_id=row["appointment_id"],
            version=row["version"] or 0,
            is_again=row["is_again"],
        )

    return await serializable(database, work, sees=EVERYBODY)


async def _decided(connection: Cursor, received: Received, asked: dict[str, object]) -> Row:
    """And kept: the message may come again."""
    about: Row = {"appointment_id": None, "version": None, "is_again": False}
    if received.word is Word.STOP:
        await connection.write(WITHDRAW, asked)
    else:
        about = await connection.one_or_none(ANSWERED, asked) or about
    kept = {name: about[name] for name in ("appointment_id", "version", "is_again")}
    await connection.write(KEEP, asked | kept)
    return about
