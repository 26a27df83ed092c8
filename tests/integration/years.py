"""A clinic of many doctors with years behind it, in a database of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text

from adapters.postgres.database import Database
from stack.seed import seed
from tests.integration.audit_rows import scratch_database
from tests.integration.history import add_history

DOCTORS = 3_000
VISITS = 60_000
"""The planner decides by shares and sizes: with a million rows it has the same reasons, and more
of them. `--visits 1000000` has the million."""

AS_THEY_ARE = "SET session_replication_role = replica"
"""No trigger and no foreign key looks at what follows: it is right already."""

NOTICES = text("""
INSERT INTO notifications (id, event_id, audience, channel, kind, step, status, appointment_id,
    patient_id, doctor_id, starts_at, sequence, created_at, read_at)
SELECT gen_random_uuid(), gen_random_uuid(), audience, channel, kind, step,
    CASE WHEN id::text < '01' AND step IS NULL THEN 'sending' ELSE 'sent' END, id, patient_id,
    doctor_id, starts_at, 2, created_at, CASE WHEN id::text > '1' THEN created_at END
FROM schedules
CROSS JOIN (VALUES ('doctor', 'inbox', 'confirmed', NULL), ('patient', 'email', 'confirmed', NULL),
    ('patient', 'sms', 'reminder', 'P1D')) AS told (audience, channel, kind, step)
WHERE status = 'confirmed' AND (step IS NULL OR id::text < '2')
""")
DOUBTS = text("""
INSERT INTO events_in_doubt (appointment_id, sequence, kind, settled_at)
SELECT id, 2, 'confirmed', CASE WHEN id::text > '02' THEN clock_timestamp() END
FROM schedules WHERE status = 'confirmed' LIMIT 20000
""")
CONSENTS = text("""
INSERT INTO consents (patient_id, kind, channel, consent)
SELECT id, kind, channel, 'withdrawn' FROM patients
CROSS JOIN (VALUES ('confirmed'), ('cancelled')) AS kinds (kind)
CROSS JOIN (VALUES ('email'), ('sms')) AS channels (channel)
""")
PROXIES = text("""
INSERT INTO proxies (id, patient_id, subject, proxy_patient_id)
SELECT gen_random_uuid(), id, 'relative of ' || id, NULL FROM patients
UNION ALL
SELECT gen_random_uuid(), id, NULL, before FROM (
    SELECT id, lag(id) OVER (ORDER BY id) AS before FROM patients
) pairs WHERE before IS NOT NULL
""")
ACCOUNTS = text("""
INSERT INTO accounts (issuer, subject, patient_id)
SELECT 'https://issuer.example.org', id, id FROM patients
""")
# Some visits were moved once, from the same time of the day before.
MOVES = text("""
WITH moved AS (
    UPDATE schedules
    SET version = 3, moves = 1, rescheduled_version = 3, rescheduled_at = updated_at
    WHERE status = 'confirmed' AND id::text < '2' RETURNING *
)
INSERT INTO moves
SELECT id, rescheduled_version, rescheduled_at, doctor_id, clinic_id, starts_at, ends_at,
    doctor_id, clinic_id, starts_at - interval '1 day', ends_at - interval '1 day'
FROM moved
""")
MOVE_KEYS = text("""
INSERT INTO move_keys (id, appointment_id, version, starts_at)
SELECT gen_random_uuid(), appointment_id, version - 1, starts_at FROM moves
""")
TRAIL = text("""
INSERT INTO audit (at, actor, role, action, object, version, status, doctor_id, starts_at)
SELECT created_at, patient_id, 'patient', 'hold', id, 1, 'held', doctor_id, starts_at FROM schedules
""")
SEALS = text("""
INSERT INTO audit_seals (place, at, last_line, lines, digests, hash)
SELECT id / 10 + 1, min(at), max(id), array_agg(id), array_agg(CAST('' AS bytea)), ''
FROM audit GROUP BY id / 10 ORDER BY 1
""")
REPLIES = text("""
INSERT INTO replies (message_id, word, appointment_id, version, is_again, received_at)
SELECT id, 'cancel', id, 2, false, created_at
FROM schedules WHERE status = 'confirmed' LIMIT 20000
""")
APPEALS = text("""
INSERT INTO appeals (appointment_id, version, clinic_id, decided_at)
SELECT id, 2, clinic_id, CASE WHEN id::text > '02' THEN clock_timestamp() END
FROM schedules WHERE status = 'confirmed' LIMIT 20000
""")
CALENDAR_FEEDS = text("""
INSERT INTO calendar_feeds (patient_id, token_hash, language)
SELECT id, sha256(CAST(CAST(id AS text) AS bytea)), 'ru' FROM patients
""")
SERVICES = text("""
INSERT INTO services (id, clinic_id, specialty, name, minutes)
SELECT gen_random_uuid(), clinic_id, specialty, 'Visit ' || n, 30
FROM doctors, generate_series(1, 3) AS n
""")
OFFERS = text("""
INSERT INTO doctor_services (doctor_id, service_id)
SELECT d.id, v.id FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM doctors) d
JOIN (SELECT id, row_number() OVER (ORDER BY id) / 3 AS n FROM services) v ON v.n = d.n
""")
PLANS = text("""
INSERT INTO plans (id, doctor_id, clinic_id, version, effective_from, weekly)
SELECT gen_random_uuid(), id, clinic_id, n, '2026-01-01', '[]'
FROM doctors, generate_series(1, 3) AS n
""")
DRAFTS = text("""
INSERT INTO plan_drafts (doctor_id, effective_from, weekly)
SELECT id, '2026-01-01', '[]' FROM doctors
""")
IMPORTS = text("""
INSERT INTO imports (id, clinic_id, kind, dry_run, actor, report, rows_read, done_at)
SELECT gen_random_uuid(), clinic_id, 'text/csv', false, '{}', '{}', 0, clock_timestamp()
FROM doctors
""")
IMPORTED = text("""
INSERT INTO imported (appointment_id, import_id, digest, version)
SELECT id, (SELECT id FROM imports LIMIT 1), '', 1
FROM (SELECT id FROM schedules ORDER BY starts_at LIMIT 20000) s
""")
EXCEPTIONS = text("""
INSERT INTO exceptions (id, clinic_id, doctor_id, kind, wall_from, wall_until, reason)
SELECT gen_random_uuid(), clinic_id, id, 'remove', day, day + interval '1 day', 'vacation'
FROM doctors, generate_series(timestamp '2026-01-01', '2026-12-31', '60 days') AS day
""")
EXCEPTION_SPANS = text("""
INSERT INTO exception_spans (exception_id, doctor_id, during)
SELECT id, doctor_id, tstzrange(wall_from AT TIME ZONE 'UTC', wall_until AT TIME ZONE 'UTC')
FROM exceptions
""")
CAMPAIGNS = text("""
INSERT INTO campaigns (id, clinic_id, doctor_id, exception_id, digest, policy)
SELECT gen_random_uuid(), clinic_id, doctor_id, id, CAST(id AS text), 'call_list' FROM exceptions
""")
CAMPAIGN_VISITS = text("""
INSERT INTO campaign_visits (campaign_id, appointment_id, doctor_id, starts_at, state)
SELECT c.id, s.id, s.doctor_id, s.starts_at, 'left'
FROM campaigns c CROSS JOIN LATERAL (
    SELECT * FROM schedules s WHERE s.doctor_id = c.doctor_id ORDER BY s.starts_at LIMIT 3
) s
""")
# Of every doctor at one time, each for somebody else: what an index over that time alone finds.
HOLDS = text("""
INSERT INTO schedules (id, visit_id, patient_id, doctor_id, practitioner_id, clinic_id,
    starts_at, ends_at, status, held_until)
SELECT made.id, made.id, patient.id, doctor.id, doctor.practitioner_id, doctor.clinic_id,
    CAST(:starts_at AS timestamptz), CAST(:starts_at AS timestamptz) + interval '30 minutes',
    'held', clock_timestamp() + interval '10 minutes'
FROM (SELECT row_number() OVER () AS number, d.* FROM (
    SELECT DISTINCT ON (practitioner_id) * FROM doctors WHERE id <> :doctor_id
) d) doctor
JOIN (SELECT row_number() OVER (ORDER BY id) AS number, id FROM patients WHERE id <> :patient_id
) patient ON patient.number = doctor.number
CROSS JOIN LATERAL (SELECT gen_random_uuid() AS id WHERE doctor.number > 0) made
""")


WRITTEN = (
    REPLIES,
    APPEALS,
    CALENDAR_FEEDS,
    NOTICES,
    DOUBTS,
    CONSENTS,
    PROXIES,
    ACCOUNTS,
    MOVES,
    MOVE_KEYS,
    TRAIL,
    SEALS,
)
LEAVES = (EXCEPTIONS, EXCEPTION_SPANS, CAMPAIGNS, CAMPAIGN_VISITS)
FILLINGS = (*WRITTEN, SERVICES, OFFERS, PLANS, DRAFTS, IMPORTS, IMPORTED, *LEAVES)


@asynccontextmanager
async def clinic_of_years(database: Database, *, visits: int) -> AsyncIterator[Database]:
    """The planner knows its tables, and no hold: so it is told in the quietest hour of a night."""
    async with scratch_database(database) as scratch:
        await seed(scratch.url, doctors=DOCTORS, days=2)
        await add_history(scratch.url, rows=visits)
        async with scratch.connect() as connection:
            await connection.execute(text(AS_THEY_ARE))
            await connection.execute(text("SET statement_timeout = 0"))
            for each in FILLINGS:
                await connection.execute(each)
            await connection.execute(text("VACUUM ANALYZE"))
            await connection.execute(text("RESET ALL"))
        yield scratch
