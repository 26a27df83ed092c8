"""A patient's visits with all that a page says of them: who, where, by which clock."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import RowMapping

from adapters.postgres.database import Connection
from adapters.postgres.rows import COLUMNS, appointment_of
from adapters.postgres.slot_search import LAST_ID, Place
from domain.booking import Appointment, Status
from domain.clinic_rules import NO_RULES, ClinicRules, RuledVisit, rules_of
from domain.slot import Interval
from domain.zones import zone_named


@dataclass(frozen=True, kw_only=True)
class PatientVisit:
    """An appointment and where it is.

    `lasts_seconds` is what is left of its hold by the database clock, `now`.
    """

    appointment: Appointment
    doctor_name: str
    specialty: str
    clinic_name: str
    clinic_address: str
    clinic_phone: str
    time_zone: str
    lasts_seconds: float
    now: datetime
    rules: ClinicRules = NO_RULES
    is_on_top: bool = False
    """Booked on top of others, on purpose."""

    @property
    def during(self) -> Interval:
        starts_at = self.appointment.starts_at
        return Interval(starts_at=starts_at, ends_at=self.appointment.ends_at or starts_at)

    @property
    def ruled(self) -> RuledVisit:
        """What the clinic's rules let the patient do with it."""
        return RuledVisit(
            starts_at=self.appointment.starts_at,
            moves=self.appointment.moves,
            now=self.now,
            zone=zone_named(self.time_zone),
            rules=self.rules,
        )

    @property
    def has_begun(self) -> bool:
        return self.appointment.starts_at <= self.now

    @property
    def is_ahead(self) -> bool:
        """Held or confirmed, and not over."""
        ends_at = self.appointment.ends_at or self.appointment.starts_at
        is_live = self.appointment.status in {Status.HELD, Status.CONFIRMED, Status.ARRIVED}
        return is_live and ends_at > self.now


DETAILS = f"""
SELECT {COLUMNS}, d.full_name AS doctor_name, d.specialty, c.name AS clinic_name,
    c.address AS clinic_address, c.phone AS clinic_phone, c.time_zone, c.rules, s.overbook,
    clock_timestamp() AS now
FROM schedules s JOIN doctors d ON d.id = s.doctor_id JOIN clinics c ON c.id = s.clinic_id
"""  # noqa: S608 - our own columns

LIVE = """(s.ends_at > clock_timestamp()
    AND (s.status IN ('confirmed', 'arrived')
         OR s.status = 'held' AND s.held_until > clock_timestamp()))"""

# Null stands for all clinics. A list that is cut first would lose what its reader may see.
OF_CLINICS = "(CAST(:clinics AS uuid[]) IS NULL OR s.clinic_id = ANY(CAST(:clinics AS uuid[])))"

ONE = text(f"{DETAILS} WHERE s.id = :id")
AHEAD = text(f"""{DETAILS} WHERE s.patient_id = :id AND {LIVE} AND {OF_CLINICS}
    AND (s.starts_at, s.id) > (CAST(:at AS timestamptz), CAST(:key AS uuid))
ORDER BY s.starts_at, s.id LIMIT :limit""")
BEHIND = text(f"""{DETAILS} WHERE s.patient_id = :id AND NOT {LIVE}
    AND (s.starts_at, s.id) < (CAST(:at AS timestamptz), CAST(:key AS uuid))
ORDER BY s.starts_at DESC, s.id DESC LIMIT :limit""")
FIRST_ID = UUID(int=0)

# By the same rule the audit looks for no event.
BY_A_FILE = text("""
SELECT FROM imported i JOIN schedules s ON s.id = i.appointment_id
WHERE s.id = :id AND i.version >= greatest(s.confirmed_version, s.rescheduled_version)
""")


async def visit(connection: Connection, appointment_id: UUID) -> PatientVisit | None:
    """The visit of this id, if it has a row."""
    found = await connection.execute(ONE, {"id": appointment_id})
    row = found.mappings().one_or_none()
    return None if row is None else visit_of(row)


async def stands_by_a_file(connection: Connection, appointment_id: UUID) -> bool:
    """Whether it was an import that put this visit where it is, which nobody is told of."""
    found = await connection.execute(BY_A_FILE, {"id": appointment_id})
    return found.one_or_none() is not None


async def visits_ahead(
    connection: Connection,
    patient_id: UUID,
    *,
    limit: int = 50,
    after: Place | None = None,
    clinics: Collection[UUID] | None = None,
) -> list[PatientVisit]:
    """What the patient holds or has confirmed, the next one first; of these clinics, or of all."""
    at, key = after or ("-infinity", FIRST_ID)
    place = {"at": at, "key": key, "clinics": ids_or_all(clinics)}
    found = await connection.execute(AHEAD, {"id": patient_id, "limit": limit, **place})
    return [visit_of(row) for row in found.mappings()]


async def visits_behind(
    connection: Connection, patient_id: UUID, *, limit: int, before: Place | None = None
) -> list[PatientVisit]:
    """What is over, was cancelled or has lapsed, the latest first."""
    at, key = before or ("infinity", LAST_ID)
    place = {"at": at, "key": key}
    found = await connection.execute(BEHIND, {"id": patient_id, "limit": limit, **place})
    return [visit_of(row) for row in found.mappings()]


def ids_or_all(clinics: Collection[UUID] | None) -> list[UUID] | None:
    """As `OF_CLINICS` reads it."""
    return None if clinics is None else list(clinics)


def visit_of(row: RowMapping) -> PatientVisit:
    return PatientVisit(
        appointment=appointment_of(row),
        doctor_name=row["doctor_name"],
        specialty=row["specialty"],
        clinic_name=row["clinic_name"],
        clinic_address=row["clinic_address"],
        clinic_phone=row["clinic_phone"],
        time_zone=row["time_zone"],
        lasts_seconds=max(0.0, row["lasts_seconds"] or 0.0),
        now=row["now"],
        rules=rules_of(row["rules"], row["specialty"]),
        is_on_top=row["overbook"],
    )
