"""Patients whom anybody may be until there is sign-in: those whose address is made up."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


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

NAMED = text(f"""
SELECT id, full_name FROM patients
WHERE strpos(lower(full_name), lower(:name)) > 0 AND {MADE_UP}
ORDER BY full_name, id LIMIT :limit
""")  # noqa: S608


async def demo_patient(connection: AsyncConnection, patient_id: UUID) -> DemoPatient | None:
    row = (await connection.execute(ONE, {"id": patient_id})).one_or_none()
    return None if row is None else DemoPatient(patient_id=row.id, name=row.full_name)


async def demo_patients(connection: AsyncConnection, *, limit: int) -> list[DemoPatient]:
    """The same ones every time."""
    rows = await connection.execute(SOME, {"limit": limit})
    return [DemoPatient(patient_id=row.id, name=row.full_name) for row in rows]


async def demo_patients_named(
    connection: AsyncConnection, name: str, *, limit: int
) -> list[DemoPatient]:
    """Those whose name has this in it, in capitals or not; all of them are looked at."""
    rows = await connection.execute(NAMED, {"name": name.strip(), "limit": limit})
    return [DemoPatient(patient_id=row.id, name=row.full_name) for row in rows]
