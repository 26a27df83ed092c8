"""Years that a clinic has behind it: shifts, visits and lapsed holds, written in a few statements.

The rows are those that the product leaves, without asking it for each: seven of ten confirmed, two
lapsed, one cancelled, no two visits of a doctor or of a patient at one time, each in its shift.
"""

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

SLOTS_A_DAY = 16
"""Half hours of the one shift that each doctor had on each day."""

VISITS_OF_A_PATIENT = 20

# No triggers and no foreign keys while these run: what they would fill in or look up is given here.
# Nothing waits for the disk, and an index is sorted rather than grown row by row.
QUICKLY = (
    "SET session_replication_role = replica",
    "SET synchronous_commit = off",
    "SET maintenance_work_mem = '512MB'",
    "SET statement_timeout = 0",
)
INDEXES = """
SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = 'schedules'
  AND indexname NOT IN (SELECT conname FROM pg_constraint WHERE conrelid = 'schedules'::regclass)
"""
EXCLUSIONS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = 'schedules'::regclass AND contype = 'x'
"""
# Who receives at two desks is at one of them at a time.
DESKS = """
SELECT DISTINCT ON (practitioner_id) id, practitioner_id, clinic_id FROM doctors
ORDER BY practitioner_id, id
"""
COUNT_DESKS = "SELECT count(DISTINCT practitioner_id) FROM doctors"
PATIENTS = """
INSERT INTO patients (id, full_name, phone, email)
SELECT gen_random_uuid(), 'Patient ' || n, '+7' || 8000000000 + n, 'patient' || n || '@example.org'
FROM generate_series(1, %(patients)s) n
"""
SHIFTS = f"""
INSERT INTO shifts (doctor_id, clinic_id, during)
SELECT d.id, d.clinic_id, tstzrange(day + interval '6 hours', day + interval '14 hours')
FROM ({DESKS}) d CROSS JOIN LATERAL (
    SELECT date_trunc('day', now()) - n * interval '1 day' AS day
    FROM generate_series(2, 2 + %(rows)s / (%(slots)s::int * %(doctors)s)) n
) days
"""  # noqa: S608 - our own words, as below
VISITS = f"""
WITH doctor AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY id) - 1 AS number, id, practitioner_id, clinic_id
    FROM ({DESKS}) desks
), patient AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY id) - 1 AS number, id FROM patients
)
INSERT INTO schedules (
    id, visit_id, patient_id, doctor_id, practitioner_id, clinic_id, starts_at, ends_at,
    status, held_until, version, confirmed_version, reason, confirmed_at, cancelled_at, created_at,
    updated_at
)
SELECT made.id, made.id, patient.id, doctor.id, doctor.practitioner_id, doctor.clinic_id, begins,
    begins + interval '30 minutes', status, booked + interval '10 minutes', 2,
    CASE status WHEN 'confirmed' THEN 2 END,
    CASE status WHEN 'cancelled' THEN 'patient_request' END,
    CASE status WHEN 'expired' THEN NULL ELSE booked END,
    CASE status WHEN 'cancelled' THEN booked END, booked, booked
FROM generate_series(0, %(rows)s::int - 1) n
CROSS JOIN LATERAL (
    SELECT gen_random_uuid() AS id, n / %(doctors)s AS slot,
        CASE WHEN n %% 10 < 7 OR %(ahead)s THEN 'confirmed' WHEN n %% 10 < 9 THEN 'expired'
             ELSE 'cancelled' END AS status
) made
CROSS JOIN LATERAL (
    SELECT date_trunc('day', now())
        + CASE WHEN %(ahead)s THEN slot / %(slots)s ELSE -2 - slot / %(slots)s END
            * interval '1 day'
        + interval '6 hours' + (slot %% %(slots)s) * interval '30 minutes' AS begins
) at
CROSS JOIN LATERAL (
    SELECT least(begins, now() - interval '6 days') - interval '3 days' AS booked
) then_
JOIN doctor ON doctor.number = n %% %(doctors)s
JOIN patient ON patient.number = (n %% %(doctors)s + slot * 257) %% %(patients)s
"""  # noqa: S608
# An audit looks at what has changed since the last one: this has been looked at long ago.
AUDITED = "UPDATE audit_progress SET swept_until = clock_timestamp()"


async def add_history(
    database_url: str, *, rows: int, patients: int = 0, ahead: bool = False
) -> None:
    """So many past rows of `schedules`, over all doctors and `patients` more, or as many as needed.

    Those that are ahead, from today on, are all confirmed.

    Nobody else may be at the database meanwhile: its rules are put aside, and are checked for every
    row when they are put back.
    """
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        for setting in QUICKLY:
            await connection.execute(setting.encode())
        doctors = await _number(connection, COUNT_DESKS)
        more = max(patients, doctors, rows // VISITS_OF_A_PATIENT)
        size = {"rows": rows, "doctors": doctors, "slots": SLOTS_A_DAY, "ahead": ahead}
        await connection.execute(PATIENTS.encode(), {"patients": more})
        await connection.execute(SHIFTS.encode(), size)
        indexes = await (await connection.execute(INDEXES.encode())).fetchall()
        exclusions = await (await connection.execute(EXCLUSIONS.encode())).fetchall()
        await _put_aside(connection, indexes, exclusions)
        every = await _number(connection, "SELECT count(*) FROM patients")
        await connection.execute(VISITS.encode(), {**size, "patients": every})
        await _put_back(connection, indexes, exclusions)
        await connection.execute(AUDITED.encode())
        await connection.execute(b"VACUUM ANALYZE")


async def _put_aside(
    connection: psycopg.AsyncConnection[TupleRow],
    indexes: list[TupleRow],
    exclusions: list[TupleRow],
) -> None:
    for name, _ in exclusions:
        drop = sql.SQL("ALTER TABLE schedules DROP CONSTRAINT {}").format(sql.Identifier(name))
        await connection.execute(drop)
    for name, _ in indexes:
        await connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))


async def _put_back(
    connection: psycopg.AsyncConnection[TupleRow],
    indexes: list[TupleRow],
    exclusions: list[TupleRow],
) -> None:
    """As PostgreSQL itself has written them down."""
    for _, definition in indexes:
        await connection.execute(str(definition).encode())
    for name, definition in exclusions:
        add = f'ALTER TABLE schedules ADD CONSTRAINT "{name}" {definition}'
        await connection.execute(add.encode())


async def _number(connection: psycopg.AsyncConnection[TupleRow], query: str) -> int:
    row = await (await connection.execute(query.encode())).fetchone()
    return int(row[0]) if row else 0
