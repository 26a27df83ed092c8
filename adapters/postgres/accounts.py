"""Who somebody of an issuer is here: patient, practitioner, of which clinics, proxy for whom."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from psycopg.sql import SQL

from adapters.postgres.direct import Cursor

# Whoever is named by the token as a patient is that one; the account names one for the others.
OF_SUBJECT = SQL("""
SELECT a.practitioner_id, a.clinic_ids, own.patient_id, acts.proxy_for, acts.seconds
FROM (VALUES (CAST(%(patient_id)s AS uuid))) claimed (patient_id)
LEFT JOIN accounts a ON a.issuer = %(issuer)s AND a.subject = %(subject)s
CROSS JOIN LATERAL (SELECT coalesce(claimed.patient_id, a.patient_id)) own (patient_id)
CROSS JOIN LATERAL (
    SELECT array_agg(p.patient_id) AS proxy_for,
           CAST(extract(epoch FROM min(p.until) - clock_timestamp()) AS float8) AS seconds
    FROM proxies p JOIN patient_facts w ON w.id = p.patient_id
    WHERE (p.subject = %(subject)s OR p.proxy_patient_id = own.patient_id)
      AND (p.until IS NULL OR p.until > clock_timestamp()) AND w.erased_at IS NULL
) acts
""")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Somebody of an issuer, of whom an account says who it is here."""

    issuer: str
    subject: str


@dataclass(frozen=True, kw_only=True)
class Account:
    """What is known here of a subject; nothing of most. `patient_id` may be by its token.

    It is so for `lasts_seconds`, then somebody's right to act for another one ends; null: for good.
    """

    patient_id: UUID | None = None
    practitioner_id: UUID | None = None
    clinic_ids: frozenset[UUID] = frozenset()
    proxy_for: frozenset[UUID] = frozenset()
    lasts_seconds: float | None = None


NAMES = SQL("SELECT id, full_name FROM patients WHERE id = ANY(%(ids)s) ORDER BY full_name, id")


async def names_of(connection: Cursor, patient_ids: Collection[UUID]) -> dict[UUID, str]:
    """Those of them that have a record."""
    rows = await connection.all(NAMES, {"ids": list(patient_ids)})
    return {row["id"]: row["full_name"] for row in rows}


async def account_of(
    connection: Cursor, issuer: str, subject: str, *, patient_id: UUID | None = None
) -> Account:
    """With those whom the subject, or the patient that it is, may act for now."""
    row = await connection.one(
        OF_SUBJECT, {"issuer": issuer, "subject": subject, "patient_id": patient_id}
    )
    return Account(
        patient_id=row["patient_id"],
        practitioner_id=row["practitioner_id"],
        clinic_ids=frozenset(row["clinic_ids"] or ()),
        proxy_for=frozenset(row["proxy_for"] or ()),
        lasts_seconds=row["seconds"],
    )
