"""What a clinic's rules say of a booking before one tries, and what they count of a patient."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import RowMapping

from adapters.postgres.database import Connection
from domain.clinic_rules import ClinicRules, rules_of
from domain.errors import DoctorNotFound
from domain.no_shows import Missed, missed
from domain.zones import zone_named

PATIENTS_OWN = "s.patient_id = CAST(:patient_id AS uuid) AND s.clinic_id = c.id"

OF_DOCTOR = text(f"""
SELECT c.name, c.phone, c.time_zone, c.rules, d.specialty, clock_timestamp() AS now,
    ARRAY(SELECT v.name FROM doctor_services o JOIN services v ON v.id = o.service_id
          WHERE o.doctor_id = d.id AND NOT v.self_bookable ORDER BY v.name, v.id) AS at_desk,
    CASE WHEN c.rules ->> 'maxLivePerPatient' IS NOT NULL THEN (
        SELECT count(DISTINCT s.visit_id) FROM schedules s
        WHERE {PATIENTS_OWN} AND s.occupies && tstzrange(statement_timestamp(), NULL)
          AND s.starts_at > statement_timestamp()
          AND (s.status <> 'held' OR s.held_until > statement_timestamp())
    ) ELSE 0 END AS live,
    CASE WHEN c.rules ->> 'maxNoShows' IS NOT NULL THEN ARRAY(
        SELECT s.starts_at FROM schedules s WHERE {PATIENTS_OWN} AND s.status = 'no_show'
    ) ELSE '{{}}' END AS missed
FROM doctors d JOIN clinics c ON c.id = d.clinic_id WHERE d.id = :doctor_id
""")  # noqa: S608 - our own words

OF_PATIENT = text("""
SELECT c.name, c.phone, c.time_zone, c.rules, clock_timestamp() AS now,
    array_agg(s.starts_at) AS missed
FROM schedules s JOIN clinics c ON c.id = s.clinic_id
WHERE s.patient_id = :patient_id AND s.status = 'no_show' AND c.rules ->> 'maxNoShows' IS NOT NULL
GROUP BY c.id ORDER BY c.name, c.id
""")


@dataclass(frozen=True, kw_only=True)
class MissedThere:
    """What counts of a patient's missed visits at one clinic, by its clock."""

    clinic_name: str
    clinic_phone: str
    time_zone: str
    missed: Missed


@dataclass(frozen=True, kw_only=True)
class BookingRules:
    """`at_desk` are the doctor's services that reception alone books; `live` are the patient's
    visits ahead at the clinic, counted where it limits them.
    """

    rules: ClinicRules
    clinic_phone: str
    at_desk: list[str]
    live: int
    missed: MissedThere | None

    @property
    def has_too_many(self) -> bool:
        most = self.rules.max_live_per_patient
        return most is not None and self.live >= most


async def booking_rules(
    connection: Connection, doctor_id: UUID, patient_id: UUID | None
) -> BookingRules:
    """Raises `DoctorNotFound`; of nobody nothing is counted."""
    asked = {"doctor_id": doctor_id, "patient_id": patient_id}
    row = (await connection.execute(OF_DOCTOR, asked)).mappings().one_or_none()
    if row is None:
        raise DoctorNotFound
    return BookingRules(
        rules=rules_of(row["rules"], row["specialty"]),
        clinic_phone=row["phone"],
        at_desk=row["at_desk"],
        live=row["live"],
        missed=_missed(row),
    )


async def missed_of(connection: Connection, patient_id: UUID) -> Sequence[MissedThere]:
    """At each clinic that counts them, where any counts now."""
    rows = await connection.execute(OF_PATIENT, {"patient_id": patient_id})
    return [each for each in map(_missed, rows.mappings()) if each is not None]


def _missed(row: RowMapping) -> MissedThere | None:
    beginnings: list[datetime] = row["missed"]
    found = missed(
        rules_of(row["rules"]), beginnings, now=row["now"], zone=zone_named(row["time_zone"])
    )
    if found is None or found.counted == 0:
        return None
    return MissedThere(
        clinic_name=row["name"],
        clinic_phone=row["phone"],
        time_zone=row["time_zone"],
        missed=found,
    )
