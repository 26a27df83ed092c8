"""Who somebody of an issuer is here: patient, practitioner, of which clinics, proxy for whom."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from psycopg.sql import SQL

from adapters.postgres.direct import Cursor

OF_SUBJECT = SQL("""
SELECT patient_id, practitioner_id, clinic_ids FROM accounts
WHERE issuer = %(issuer)s AND subject = %(subject)s
""")


@dataclass(frozen=True, kw_only=True)
class Account:
    """What is known here of a subject; nothing of most."""

    patient_id: UUID | None = None
    practitioner_id: UUID | None = None
    clinic_ids: frozenset[UUID] = frozenset()
    proxy_for: frozenset[UUID] = frozenset()


NO_ACCOUNT = Account()


NAMES = SQL("SELECT id, full_name FROM patients WHERE id = ANY(%(ids)s) ORDER BY full_name, id")


async def names_of(connection: Cursor, patient_ids: Collection[UUID]) -> dict[UUID, str]:
    """Those of them that have a record."""
    rows = await connection.all(NAMES, {"ids": list(patient_ids)})
    return {row["id"]: row["full_name"] for row in rows}


async def account_of(connection: Cursor, issuer: str, subject: str) -> Account:
    row = await connection.one_or_none(OF_SUBJECT, {"issuer": issuer, "subject": subject})
    if row is None:
        return NO_ACCOUNT
    return Account(
        patient_id=row["patient_id"],
        practitioner_id=row["practitioner_id"],
        clinic_ids=frozenset(row["clinic_ids"]),
    )
