"""A patient says that a mark of a missed visit is wrong; the clinic looks at it again.

Taking the mark back answers it too: a trigger does that, whoever takes it back.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from adapters.postgres.database import Connection
from adapters.postgres.visits import DETAILS, PatientVisit, visit_of
from domain.actors import ActorRef
from domain.no_shows import KeptBecause

# In the trail beside the history, as a promise is: the visit is what it was.
NOTED = """
INSERT INTO audit (actor, role, action, object, patient_id, clinic_ids, reason)
SELECT :actor, :role, :action, s.id::text, s.patient_id, ARRAY[s.clinic_id], :reason
FROM schedules s JOIN made ON made.appointment_id = s.id
"""

ASK = text(f"""
WITH made AS (
    INSERT INTO appeals (appointment_id, version, clinic_id)
    SELECT id, version, clinic_id FROM schedules WHERE id = :id AND status = 'no_show'
    ON CONFLICT DO NOTHING
    RETURNING appointment_id
) {NOTED}
""")  # noqa: S608 - our own words, as below

KEEP = text(f"""
WITH made AS (
    UPDATE appeals SET decided_at = clock_timestamp(), kept_because = :reason
    WHERE appointment_id = :id AND decided_at IS NULL
    RETURNING appointment_id
) {NOTED}
""")  # noqa: S608

LATEST = text("""
SELECT asked_at, decided_at, kept_because FROM appeals WHERE appointment_id = :id
ORDER BY version DESC LIMIT 1
""")

OPEN = text(f"""
{DETAILS} WHERE s.id = ANY(ARRAY(
    SELECT appointment_id FROM appeals WHERE clinic_id = :clinic_id AND decided_at IS NULL
    ORDER BY asked_at LIMIT :limit
)) ORDER BY s.starts_at, s.id
""")  # noqa: S608


@dataclass(frozen=True, kw_only=True)
class Appeal:
    """`kept_because` is null until the clinic has kept the mark."""

    asked_at: datetime
    decided_at: datetime | None
    kept_because: KeptBecause | None

    @property
    def is_open(self) -> bool:
        return self.decided_at is None

    @property
    def counts(self) -> bool:
        """Of a mark that was taken back and made anew, the patient may say so anew."""
        return self.is_open or self.kept_because is not None


async def ask_again(connection: Connection, appointment_id: UUID, by: ActorRef) -> bool:
    """Whether that was new: it is asked once of one mark."""
    asked = _asked(appointment_id, by, "appeal", None)
    return (await connection.execute(ASK, asked)).rowcount > 0


async def keep_mark(
    connection: Connection, appointment_id: UUID, because: KeptBecause, by: ActorRef
) -> bool:
    """Whether somebody was waiting for it."""
    asked = _asked(appointment_id, by, "keep-no-show", because)
    return (await connection.execute(KEEP, asked)).rowcount > 0


async def appeal_of(connection: Connection, appointment_id: UUID) -> Appeal | None:
    """The latest, where it is about the mark that stands."""
    row = (await connection.execute(LATEST, {"id": appointment_id})).mappings().one_or_none()
    if row is None:
        return None
    because = row["kept_because"]
    found = Appeal(
        asked_at=row["asked_at"],
        decided_at=row["decided_at"],
        kept_because=None if because is None else KeptBecause(because),
    )
    return found if found.counts else None


async def open_appeals(
    connection: Connection, clinic_id: UUID, *, limit: int
) -> list[PatientVisit]:
    """The visits that are asked about."""
    rows = await connection.execute(OPEN, {"clinic_id": clinic_id, "limit": limit})
    return [visit_of(row) for row in rows.mappings()]


def _asked(
    appointment_id: UUID, by: ActorRef, action: str, because: KeptBecause | None
) -> dict[str, object]:
    return {
        "id": appointment_id,
        "actor": by.id,
        "role": by.role.value,
        "action": action,
        "reason": None if because is None else because.value,
    }
