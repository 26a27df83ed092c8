"""A visit and what is known of where it shall go, before it is moved."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.sql import SQL

from adapters.postgres.booking_facts import load_facts_besides
from adapters.postgres.clinic_rules import ruled_visit
from adapters.postgres.direct import Cursor
from adapters.postgres.rows import COLUMNS, appointment_of
from domain.booking import Appointment
from domain.clinic_rules import RuledVisit
from domain.permissions import LetIn, Whose
from domain.rules import Facts, SlotWish

VISIT = SQL(f"""
SELECT {COLUMNS}, s.starts_at <= clock_timestamp() AS has_begun, s.practitioner_id, d.specialty,
    clock_timestamp() AS now, c.time_zone, c.rules,
    CASE WHEN wanted.id IS NULL THEN d.specialty ELSE wanted.specialty END AS wanted_specialty
FROM schedules s JOIN doctors d ON d.id = s.doctor_id JOIN clinics c ON c.id = s.clinic_id
LEFT JOIN doctors wanted ON wanted.id = %(doctor_id)s
WHERE s.id = %(appointment_id)s
""")  # noqa: S608 - our own columns


@dataclass(frozen=True, kw_only=True)
class Target:
    """The visit as it is, and the facts about the slot that is wished for."""

    visit: Appointment
    practitioner_id: UUID
    has_begun: bool
    ruled: RuledVisit
    specialty: str
    wanted_specialty: str
    wish: SlotWish
    facts: Facts


async def look_at_target(
    connection: Cursor,
    *,
    appointment_id: UUID,
    doctor_id: UUID | None,
    starts_at: datetime,
    let_in: LetIn,
) -> Target | None:
    """None where no row has this id; without a doctor the visit stays with its own.

    `let_in` refuses before more is looked at: by the time, a stranger's visit is as good as none.
    """
    asked = {"appointment_id": appointment_id, "doctor_id": doctor_id}
    row = await connection.one_or_none(VISIT, asked)
    if row is None:
        return None
    let_in(
        Whose(
            patient_id=row["patient_id"],
            practitioner_id=row["practitioner_id"],
            clinic_id=row["clinic_id"],
        )
    )
    wish = SlotWish(
        patient_id=row["patient_id"],
        doctor_id=doctor_id or row["doctor_id"],
        starts_at=starts_at,
        max_holds=0,
        stands_at=row["clinic_id"],
    )
    return Target(
        visit=appointment_of(row),
        practitioner_id=row["practitioner_id"],
        has_begun=row["has_begun"],
        ruled=ruled_visit(row),
        specialty=row["specialty"],
        wanted_specialty=row["wanted_specialty"],
        wish=wish,
        facts=await load_facts_besides(connection, wish, appointment_id=appointment_id),
    )
