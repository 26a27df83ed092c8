"""The trail of who did what: what is added by hand, and what is read of it.

Changes of appointments and patients are written by triggers, whoever makes them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from adapters.postgres.database import Connection
from domain.actors import ActorRef


@dataclass(frozen=True, kw_only=True)
class Line:
    """Somebody did something to a thing; `id` is its place in the trail."""

    id: int
    at: datetime
    actor: str
    role: str
    action: str
    object: str
    version: int | None
    outcome: str
    patient_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class Change:
    """What one version of an appointment was, and on whose behalf it was made."""

    version: int
    at: datetime
    action: str
    role: str
    status: str
    doctor_id: UUID
    starts_at: datetime
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class Sought:
    """Which lines are asked for; None is any. The page goes on before the line `before`.

    `clinics`: only lines of these clinics. `person`: only lines about the record of this patient
    and about the patient's appointments.
    """

    object: str | None = None
    actor: str | None = None
    begins: datetime | None = None
    ends: datetime | None = None
    clinics: Collection[UUID] | None = None
    person: UUID | None = None
    before: int | None = None
    limit: int


LOOKED_AT = text("""
INSERT INTO audit (actor, role, action, object, patient_id, clinic_ids)
SELECT :actor, :role, :action, seen::text, seen, CAST(:clinics AS uuid[])
FROM unnest(CAST(:patients AS uuid[])) AS seen
""")

# A page that is open asks for itself again after each change: looking goes on, and is one look.
ONE_LOOK = "10 minutes"
SEEN_ON_A_PAGE = text(f"""
INSERT INTO audit (actor, role, action, object, patient_id, clinic_ids)
SELECT :actor, :role, :action, seen::text, CASE WHEN :are_patients THEN seen END,
    CAST(:clinics AS uuid[])
FROM unnest(CAST(:things AS uuid[])) AS seen
WHERE (SELECT a.id FROM audit a WHERE a.object = seen::text AND a.actor = :actor
         AND a.action = :action AND a.at > statement_timestamp() - interval '{ONE_LOOK}'
       LIMIT 1) IS NULL
""")  # noqa: S608 - our own words

# Asked as a list of things, so that the index by things answers it.
OF_PERSON = """object = ANY(ARRAY(
    WITH RECURSIVE own (id) AS (
        SELECT CAST(:person AS uuid)
        UNION SELECT p.id FROM own JOIN patient_facts p ON p.merged_into = own.id
    )
    SELECT id::text FROM own
    UNION SELECT id::text FROM schedules WHERE patient_id = :person
))"""

CONDITIONS = {
    "object": "object = :object",
    "actor": "actor = :actor",
    "begins": "at >= :begins",
    "ends": "at < :ends",
    "clinics": "clinic_ids && CAST(:clinics AS uuid[])",
    "person": OF_PERSON,
    "before": "id < :before",
}

CHANGES = text("""
SELECT DISTINCT ON (version) version, at, action, role, status, doctor_id, starts_at, reason
FROM audit WHERE object = :object AND version IS NOT NULL AND status IS NOT NULL
  AND action <> 'promise'
ORDER BY version, id DESC
""")


async def note_look(
    connection: Connection,
    actor: ActorRef,
    action: str,
    patients: Sequence[UUID],
    *,
    clinics: Collection[UUID] = (),
) -> None:
    """Somebody is about to be shown these patients."""
    asked = {
        "actor": actor.id,
        "role": actor.role.value,
        "action": action,
        "patients": list(patients),
        "clinics": list(clinics),
    }
    await connection.execute(LOOKED_AT, asked)


async def note_page(  # noqa: PLR0913 - who saw what
    connection: Connection,
    actor: ActorRef,
    action: str,
    things: Collection[UUID],
    *,
    are_patients: bool,
    clinics: Collection[UUID] = (),
) -> None:
    """Somebody is about to be shown a page of these patients, or of these doctors' or clinics' day.

    Who looks on is noted once in ten minutes.
    """
    asked = {
        "actor": actor.id,
        "role": actor.role.value,
        "action": action,
        "things": list(things),
        "are_patients": are_patients,
        "clinics": list(clinics),
    }
    await connection.execute(SEEN_ON_A_PAGE, asked)


async def lines_of(connection: Connection, sought: Sought) -> list[Line]:
    """Newest first."""
    asked = {name: value for name, value in vars(sought).items() if value is not None}
    given = [condition for name, condition in CONDITIONS.items() if name in asked]
    if "clinics" in asked:
        asked["clinics"] = list(sought.clinics or ())
    where = f"WHERE {' AND '.join(given)}" if given else ""
    statement = f"SELECT * FROM audit {where} ORDER BY id DESC LIMIT :limit"  # noqa: S608 - our own words
    rows = await connection.execute(text(statement), asked)
    return [
        Line(**{name: row[name] for name in Line.__dataclass_fields__}) for row in rows.mappings()
    ]


async def history_of(connection: Connection, appointment_id: UUID) -> list[Change]:
    """Oldest first, one a version."""
    rows = await connection.execute(CHANGES, {"object": str(appointment_id)})
    return [Change(**row) for row in rows.mappings()]
