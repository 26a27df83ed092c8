"""What the audit asks is answered by an index, on a table of some size."""

import re
from uuid import uuid4

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters import audit
from tests.clinic_rows import at, open_clinic
from tests.integration.audit_rows import Books

MANY = 60_000
SMALL_TABLES = {"audit_progress", "events_in_doubt"}
STATEMENTS = {
    name: statement for name, statement in vars(audit).items() if isinstance(statement, TextClause)
}
FILL = text("""
INSERT INTO schedules (id, visit_id, patient_id, doctor_id, practitioner_id, clinic_id,
    starts_at, ends_at, status, held_until, version, confirmed_at, updated_at)
SELECT made.id, made.id, (CAST(:patients AS uuid[]))[1 + n % 20],
    d.id, d.practitioner_id, d.clinic_id, starts_at, starts_at + interval '30 minutes',
    status, held_until, 2,
    CASE WHEN status = 'confirmed' THEN written END, written
FROM generate_series(1, :many) n
CROSS JOIN LATERAL (SELECT gen_random_uuid() AS id,
    CAST(:first AS timestamptz) + (n / 20) * interval '1 hour' AS starts_at,
    CASE WHEN n % 100 = 0 THEN 'held' WHEN n % 3 = 0 THEN 'expired' ELSE 'confirmed' END AS status,
    clock_timestamp() + (n % 700 - 100) * interval '1 second' AS held_until,
    clock_timestamp() - (:many - n) * interval '20 seconds' AS written) AS made
JOIN doctors d ON d.id = (CAST(:doctors AS uuid[]))[1 + n % 20]
""")
NOTICES = text("""
INSERT INTO notifications (id, event_id, audience, channel, kind, status, appointment_id, doctor_id,
    starts_at, sequence)
SELECT gen_random_uuid(), gen_random_uuid(), 'doctor', 'inbox', 'confirmed', 'sent', id, doctor_id,
    starts_at, 2
FROM schedules WHERE status = 'confirmed' AND id::text > '01'
""")
DOUBTS = text("""
INSERT INTO events_in_doubt (appointment_id, sequence, kind, settled_at)
SELECT id, 2, 'confirmed', CASE WHEN id::text > '02' THEN clock_timestamp() END
FROM schedules WHERE status = 'confirmed' LIMIT 20000
""")


async def fill(books: Books) -> None:
    """Visits of two weeks with their notices but for a few, open holds, settled doubts."""
    clinic = books.clinic
    doctors = [await clinic.hire() for _ in range(20)]
    patients = [await clinic.patient() for _ in range(20)]
    async with clinic.engine.connect() as connection:
        for setting in ("session_replication_role = replica", "statement_timeout = '60s'"):
            await connection.execute(text(f"SET {setting}"))
        filling = {"patients": patients, "doctors": doctors, "first": at("09:00"), "many": MANY}
        await connection.execute(FILL, filling)
        await connection.execute(NOTICES)
        await connection.execute(DOUBTS)
        await connection.execute(text("ANALYZE schedules, notifications, events_in_doubt"))
        await connection.execute(text("RESET ALL"))


async def test_each_question_is_answered_by_an_index(scratch: AsyncEngine) -> None:
    books = Books(clinic=await open_clinic(scratch))
    await books.nothing_yet()
    await fill(books)
    await books.clinic.execute(
        "UPDATE audit_progress SET swept_until = clock_timestamp() - interval '5 minutes'"
    )
    asked = {"batch": 1000, "settled_after": 15, "named": 20, "sequence": 2, "version": 2}
    ids = dict.fromkeys(("id", "appointment_id"), uuid4())

    plans = {
        name: await books.rows(f"EXPLAIN {statement}", **asked, **ids)
        for name, statement in STATEMENTS.items()
    }

    assert len(plans) == 9
    for name, plan in plans.items():
        steps = "\n".join(step["QUERY PLAN"] for step in plan)
        read_whole = re.findall(r"Seq Scan on (\w+)", steps)
        assert set(read_whole) <= SMALL_TABLES, f"{name}\n{steps}"
        assert "Index" in steps, name
