"""Patients whom anybody may be where nobody signs in: those whose address is made up."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from adapters.postgres.database import Connection


@dataclass(frozen=True, kw_only=True)
class DemoPatient:
    """Somebody who does not exist."""

    patient_id: UUID
    name: str


# RFC 2606 keeps these domains for examples: no living patient can have such an address, so a
# clinic without demo patients has nobody to be chosen.
MADE_UP = "split_part(email, '@', 2) IN ('example.org', 'example.com')"

ONE = text(f"SELECT id, full_name FROM patients WHERE id = :id AND {MADE_UP}")  # noqa: S608
SOME = text(f"SELECT id, full_name FROM patients WHERE {MADE_UP} ORDER BY id LIMIT :limit")  # noqa: S608


async def demo_patient(connection: Connection, patient_id: UUID) -> DemoPatient | None:
    row = (await connection.execute(ONE, {"id": patient_id})).one_or_none()
    return None if row is None else DemoPatient(patient_id=row.id, name=row.full_name)


async def demo_patients(connection: Connection, *, limit: int) -> list[DemoPatient]:
    """The same ones every time."""
    rows = await connection.execute(SOME, {"limit": limit})
    return [DemoPatient(patient_id=row.id, name=row.full_name) for row in rows]
