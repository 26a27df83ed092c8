"""A patient's record that goes: into another one of the same person, or out of all tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg
from psycopg.sql import SQL

from adapters.postgres.acting import told
from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor
from adapters.postgres.seeing import Sees
from adapters.postgres.tables import PATIENT_FREE
from adapters.postgres.transactions import serializable
from domain.actors import ActorRef
from domain.booking import Refusal
from domain.errors import HasVisits, PatientBusy, PatientNotFound

ACT = SQL("SELECT set_config('priyom.actor', %(actor)s, true)")

LOCK = SQL("""
SELECT count(*) AS count FROM (
    SELECT FROM patients WHERE id = ANY(%(ids)s) AND erased_at IS NULL ORDER BY id FOR UPDATE
) locked
""")

EXPIRE = SQL("""
UPDATE schedules SET status = 'expired', version = version + 1
WHERE patient_id = ANY(%(ids)s) AND status = 'held' AND held_until <= clock_timestamp()
""")

OVERLAP = SQL("""
SELECT a.id FROM schedules a
JOIN schedules b ON b.patient_id = %(into)s AND b.occupies && a.occupies
WHERE a.patient_id = %(id)s LIMIT 1
""")

AHEAD = SQL("""
SELECT id FROM schedules WHERE patient_id = %(id)s AND occupies IS NOT NULL
  AND ends_at > clock_timestamp() AND (status <> 'held' OR held_until > clock_timestamp())
ORDER BY starts_at LIMIT 1
""")

# Messages are found by the visits that they are about, so they go before these.
GO_OVER = (
    SQL("""
    UPDATE notifications SET patient_id = %(into)s
    WHERE appointment_id = ANY(ARRAY(SELECT id FROM schedules WHERE patient_id = %(id)s))
      AND patient_id = %(id)s
    """),
    SQL("UPDATE schedules SET patient_id = %(into)s WHERE patient_id = %(id)s"),
    SQL("""
    INSERT INTO consents (patient_id, kind, channel, consent, changed_at)
    SELECT %(into)s, kind, channel, consent, changed_at FROM consents WHERE patient_id = %(id)s
    ON CONFLICT ON CONSTRAINT consents_pkey DO NOTHING
    """),
    SQL("""
    INSERT INTO proxies (id, patient_id, subject, proxy_patient_id, until, created_at)
    SELECT gen_random_uuid(), %(into)s, subject, proxy_patient_id, until, created_at
    FROM proxies WHERE patient_id = %(id)s AND proxy_patient_id IS DISTINCT FROM %(into)s
    UNION ALL
    SELECT gen_random_uuid(), patient_id, NULL, %(into)s, until, created_at
    FROM proxies WHERE proxy_patient_id = %(id)s AND patient_id <> %(into)s
    ON CONFLICT ON CONSTRAINT proxies_once DO NOTHING
    """),
    SQL("""
    UPDATE calendar_feeds SET patient_id = %(into)s WHERE patient_id = %(id)s
      AND NOT EXISTS (SELECT FROM calendar_feeds WHERE patient_id = %(into)s)
    """),
    SQL("""
    UPDATE patients p SET phone = coalesce(p.phone, d.phone), email = coalesce(p.email, d.email),
        birth_date = coalesce(p.birth_date, d.birth_date),
        time_zone = coalesce(p.time_zone, d.time_zone)
    FROM patients d WHERE p.id = %(into)s AND d.id = %(id)s
    """),
)

FORGET = (
    SQL("UPDATE accounts SET patient_id = %(into)s WHERE patient_id = %(id)s"),
    SQL("DELETE FROM consents WHERE patient_id = %(id)s"),
    SQL("DELETE FROM proxies WHERE patient_id = %(id)s OR proxy_patient_id = %(id)s"),
    SQL("DELETE FROM calendar_feeds WHERE patient_id = %(id)s"),
    SQL("""
    UPDATE patients SET full_name = '', phone = NULL, email = NULL, birth_date = NULL,
        time_zone = NULL, language = DEFAULT, erased_at = clock_timestamp(), merged_into = %(into)s
    WHERE id = %(id)s
    """),
)


BOTH = 2


@dataclass(frozen=True, kw_only=True)
class Merge:
    """Two records of one person: what belongs to the first goes over to `into`."""

    patient_id: UUID
    into: UUID


async def merge(
    database: Database, order: Merge, actor: ActorRef, clinics: Sequence[UUID] = ()
) -> None:
    """All or nothing; refused where two live visits would overlap."""
    asked = {
        "id": order.patient_id,
        "into": order.into,
        "ids": [order.patient_id, order.into],
        "actor": told(actor, clinics),
    }

    async def work(connection: Cursor) -> None:
        await connection.one(ACT, asked)
        if (await connection.one(LOCK, asked))["count"] < BOTH:
            raise PatientNotFound
        await connection.write(EXPIRE, asked)
        overlap = await connection.one_or_none(OVERLAP, asked)
        if overlap is not None:
            raise PatientBusy(Refusal(code=PatientBusy.code, appointment_id=overlap["id"]))
        for statement in (*GO_OVER, *FORGET):
            await connection.write(statement, asked)

    try:
        await serializable(database, work, sees=Sees.just([order.patient_id, order.into]))
    except psycopg.errors.ExclusionViolation as error:
        if error.diag.constraint_name == PATIENT_FREE:
            raise PatientBusy from None
        raise


async def erase(
    database: Database, patient_id: UUID, actor: ActorRef, clinics: Sequence[UUID] = ()
) -> None:
    """Visits stay, without a person; refused while one is ahead."""
    asked = {
        "id": patient_id,
        "into": None,
        "ids": [patient_id],
        "actor": told(actor, clinics),
    }

    async def work(connection: Cursor) -> None:
        await connection.one(ACT, asked)
        if not (await connection.one(LOCK, asked))["count"]:
            raise PatientNotFound
        await connection.write(EXPIRE, asked)  # within its grace it could still be confirmed
        ahead = await connection.one_or_none(AHEAD, asked)
        if ahead is not None:
            raise HasVisits(Refusal(code=HasVisits.code, appointment_id=ahead["id"]))
        for statement in FORGET:
            await connection.write(statement, asked)

    await serializable(database, work, sees=Sees.just([patient_id]))
