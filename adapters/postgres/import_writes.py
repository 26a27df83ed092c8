"""What an import writes: people, time for what lies outside, appointments, what is remembered."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.sql import SQL

from adapters.postgres.acting import ACTING
from adapters.postgres.direct import Cursor
from adapters.postgres.import_people import Patient
from adapters.postgres.imports import Staged
from domain.imports import Visit
from domain.slot import Interval

MAKE_PEOPLE = SQL(f"""
INSERT INTO patients (id, full_name, phone, email)
SELECT w.* FROM unnest(CAST(%(ids)s AS uuid[]), CAST(%(names)s AS text[]),
    CAST(%(phones)s AS text[]), CAST(%(emails)s AS text[])) AS w
WHERE {ACTING}
""")  # noqa: S608 - our own words, as below

FILL = SQL(f"""
UPDATE patients p SET phone = coalesce(p.phone, w.phone), email = coalesce(p.email, w.email)
FROM unnest(CAST(%(ids)s AS uuid[]), CAST(%(phones)s AS text[]), CAST(%(emails)s AS text[]))
    AS w (id, phone, email)
WHERE p.id = w.id AND p.erased_at IS NULL AND {ACTING}
""")  # noqa: S608

OPEN = SQL("""
INSERT INTO shifts (doctor_id, during, state)
SELECT doctor_id, tstzrange(starts_at, ends_at), state FROM unnest(
    CAST(%(doctors)s AS uuid[]), CAST(%(starts)s AS timestamptz[]),
    CAST(%(ends)s AS timestamptz[]), CAST(%(states)s AS text[])
) AS w (doctor_id, starts_at, ends_at, state)
""")

COLUMNS = """unnest(
    CAST(%(ids)s AS uuid[]), CAST(%(patients)s AS uuid[]), CAST(%(doctors)s AS uuid[]),
    CAST(%(starts)s AS timestamptz[]), CAST(%(ends)s AS timestamptz[]),
    CAST(%(statuses)s AS text[])
) AS w (id, patient_id, doctor_id, starts_at, ends_at, status)"""

BOOK = SQL(f"""
INSERT INTO schedules (id, patient_id, doctor_id, starts_at, ends_at, status, overbook, origin,
                       confirmed_at, cancelled_at, arrived_at)
SELECT id, patient_id, doctor_id, starts_at, ends_at, status, %(overbook)s, 'import',
    clock_timestamp(), CASE status WHEN 'cancelled' THEN clock_timestamp() END,
    CASE status WHEN 'arrived' THEN clock_timestamp() END
FROM {COLUMNS} WHERE {ACTING}
""")  # noqa: S608

CHANGE = SQL(f"""
UPDATE schedules s SET doctor_id = w.doctor_id, starts_at = w.starts_at, ends_at = w.ends_at,
    status = w.status, overbook = %(overbook)s, version = s.version + 1,
    cancelled_at = CASE w.status WHEN 'cancelled' THEN clock_timestamp() END,
    arrived_at = CASE w.status WHEN 'arrived' THEN clock_timestamp() ELSE s.arrived_at END
FROM {COLUMNS} WHERE s.id = w.id AND {ACTING}
""")  # noqa: S608

# Up to this version nobody is told: the other system has told whom it had to. Where the visit
# stays as it is here, its version may be one of ours.
REMEMBER = SQL("""
INSERT INTO imported (appointment_id, import_id, digest, visit_digest, stamp, version)
SELECT w.id, %(import_id)s, w.digest, w.visit_digest, w.stamp,
    CASE WHEN w.stays THEN i.version ELSE s.version END
FROM unnest(CAST(%(ids)s AS uuid[]), CAST(%(digests)s AS text[]), CAST(%(visits)s AS text[]),
            CAST(%(stamps)s AS timestamptz[]), CAST(%(stay)s AS boolean[]))
    AS w (id, digest, visit_digest, stamp, stays)
JOIN schedules s ON s.id = w.id LEFT JOIN imported i ON i.appointment_id = w.id
ON CONFLICT (appointment_id) DO UPDATE SET import_id = EXCLUDED.import_id,
    digest = EXCLUDED.digest, visit_digest = EXCLUDED.visit_digest,
    stamp = EXCLUDED.stamp, version = EXCLUDED.version
""")


@dataclass(frozen=True, kw_only=True)
class Planned:
    """An appointment as it is to be; `before` is what it is here, where it was imported before.

    It `stays` as it is where the row says of the visit what it said before.
    """

    appointment_id: UUID
    visit: Visit
    patient: Patient
    doctor_id: UUID
    practitioner_id: UUID
    before: str | None
    digest: str
    visit_digest: str
    stays: bool
    overbook: bool = False

    @property
    def span(self) -> Interval:
        return Interval(starts_at=self.visit.starts_at, ends_at=self.visit.ends_at)


async def write_visits(
    cursor: Cursor,
    file: Staged,
    planned: Sequence[Planned],
    shifts: Sequence[tuple[UUID, Interval, str]],
) -> None:
    """What lies on another comes last, and marked."""
    await _write_people(cursor, file, planned)
    if shifts:
        columns = {
            "doctors": [doctor_id for doctor_id, _, _ in shifts],
            "starts": [span.starts_at for _, span, _ in shifts],
            "ends": [span.ends_at for _, span, _ in shifts],
            "states": [state for _, _, state in shifts],
        }
        await cursor.write(OPEN, columns)
    for statement, is_new in ((CHANGE, False), (BOOK, True)):
        for overbook in (False, True):
            some = [
                each
                for each in planned
                if (each.before is None) is is_new and each.overbook is overbook and not each.stays
            ]
            if some:
                columns = _columns(some) | {"overbook": overbook, "actor": file.actor}
                await cursor.write(statement, columns)
    if planned:
        remembered = {
            "ids": [each.appointment_id for each in planned],
            "digests": [each.digest for each in planned],
            "visits": [each.visit_digest for each in planned],
            "stay": [each.stays for each in planned],
            "stamps": [each.visit.stamp for each in planned],
            "import_id": file.import_id,
        }
        await cursor.write(REMEMBER, remembered)


async def _write_people(cursor: Cursor, file: Staged, planned: Sequence[Planned]) -> None:
    people = [each.patient for each in planned]
    new = {each.id: each for each in people if each.is_new}
    filled = {each.id: each for each in people if each.is_filled}
    for statement, some in ((MAKE_PEOPLE, new.values()), (FILL, filled.values())):
        if some:
            columns = {
                "ids": [each.id for each in some],
                "names": [each.name for each in some],
                "phones": [each.phone for each in some],
                "emails": [each.email for each in some],
                "actor": file.actor,
            }
            await cursor.write(statement, columns)


def _columns(planned: Sequence[Planned]) -> dict[str, object]:
    return {
        "ids": [each.appointment_id for each in planned],
        "patients": [each.patient.id for each in planned],
        "doctors": [each.doctor_id for each in planned],
        "starts": [each.visit.starts_at for each in planned],
        "ends": [each.visit.ends_at for each in planned],
        "statuses": [each.visit.status for each in planned],
    }
