"""What reminders cost where a million visits are open: `-m long -s`; `VISITS=` takes fewer.

The visits stand 11 200 a day, ninety days ahead, each with its messages so far."""

import os
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from adapters.postgres.database import Connection, Database
from adapters.postgres.reminders import NEAR, UNLESS_CHOSEN, due_reminders, reminder_steps
from domain.quiet_hours import QuietHours
from domain.reminders import reach
from stack.seed import seed
from tests.integration.audit_rows import scratch_database
from tests.integration.history import add_history
from tests.integration.years import AS_THEY_ARE

VISITS = int(os.environ.get("VISITS", "1_000_000"))
DOCTORS = 700
LOOKS = 6
WITHIN_SECONDS = 0.2
"""Twice a minute: less than a hundredth of one processor."""

ROWS_OF_A_WINDOW = 4
"""Times the visits of a window: the visits themselves, two messages of each, and some more."""

ROUNDS = 4
AT_MOST = 1.1
"""Times what the change writes without the index of reminders."""

MESSAGES = text("""
INSERT INTO notifications (id, event_id, audience, channel, kind, status, appointment_id,
    patient_id, doctor_id, starts_at, sequence, created_at, step)
SELECT gen_random_uuid(), gen_random_uuid(), audience, channel,
    CASE WHEN step IS NULL THEN 'confirmed' ELSE 'reminder' END, 'sent', id, patient_id, doctor_id,
    starts_at, 2, coalesce(starts_at - CAST(before AS interval), created_at), step
FROM schedules CROSS JOIN (VALUES
    ('doctor', 'inbox', NULL, NULL), ('patient', 'email', NULL, NULL),
    ('patient', 'sms', NULL, NULL), ('patient', 'email', 'P3D', '3 days'),
    ('patient', 'sms', 'P3D', '3 days'), ('patient', 'email', 'P1D', '1 day'),
    ('patient', 'sms', 'P1D', '1 day')
) AS told (audience, channel, step, before)
WHERE before IS NULL OR starts_at < now() + CAST(before AS interval) - interval '1 minute'
ORDER BY starts_at
""")
SIZES = text("""
SELECT relname, pg_relation_size(oid) AS bytes FROM pg_class
WHERE relname IN ('schedules_begins_at_idx', 'notifications_reminders_idx')
""")
PATIENTS = """
INSERT INTO patients (id, full_name, phone, email)
SELECT gen_random_uuid(), 'Somebody new', '+7', 'a@b.c' FROM generate_series(1, :number)
"""
ON_DUTY = """
INSERT INTO shifts (doctor_id, during)
SELECT doctor_id, tstzrange(starts_at, ends_at) FROM schedules WHERE id = ANY(:some)
ON CONFLICT DO NOTHING
"""
BOOKING = """
INSERT INTO schedules (id, patient_id, doctor_id, starts_at, ends_at, status, overbook,
    confirmed_at)
SELECT gen_random_uuid(), p.id, s.doctor_id, s.starts_at, s.ends_at, 'confirmed', true, now()
FROM unnest(CAST(:some AS uuid[])) WITH ORDINALITY AS chosen (id, nth)
JOIN schedules s USING (id) JOIN (
    SELECT id, row_number() OVER () AS nth FROM patients WHERE full_name = 'Somebody new'
) p USING (nth)
"""
CHANGES = {
    "a booking": BOOKING,
    "a cancellation": "UPDATE schedules SET status = 'cancelled' WHERE id = ANY(:some)",
    "a move": "UPDATE schedules SET starts_at = starts_at + interval '1 minute'"
    " WHERE id = ANY(:some)",
}
SOME = "SELECT array_agg(id) FROM (SELECT id FROM schedules ORDER BY id LIMIT 500) s"
WAL = "SELECT CAST(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS bigint)"


@pytest.fixture(scope="module")
async def million(clinic_database: Database) -> AsyncIterator[Database]:
    async with scratch_database(clinic_database) as scratch:
        await seed(scratch.url, doctors=DOCTORS, days=2)
        await add_history(scratch.url, rows=VISITS, ahead=True)
        async with scratch.connect() as connection:
            await connection.execute(text(AS_THEY_ARE))
            await connection.execute(text("SET statement_timeout = 0"))
            await connection.execute(MESSAGES)
            await connection.execute(text("VACUUM ANALYZE"))
            await connection.execute(text("RESET ALL"))
        yield scratch


@pytest.mark.long
@pytest.mark.timeout(7200)
async def test_a_look_reads_the_visits_of_its_window_and_no_others(million: Database) -> None:
    quiet, took = QuietHours(), list[float]()
    async with million.connect() as connection:
        for _ in range(LOOKS):
            began = time.perf_counter()
            due = await due_reminders(connection, quiet)
            took.append(time.perf_counter() - began)
        print(f"\n{VISITS} open visits, {len(due)} due; a look takes, best and median of {LOOKS}:")
        print(f"  {min(took) * 1000:.0f} ms, {sorted(took)[LOOKS // 2] * 1000:.0f} ms")
        for step in await reminder_steps(connection):
            first, last = reach(step, quiet)
            asked = {"first": first, "last": last, "unless_chosen": UNLESS_CHOSEN}
            plan = await explained(connection, asked | {"step": step.written})
            read = rows_read(plan["Plan"])
            per_day = 16 * DOCTORS
            window = (last - first).total_seconds() / 86_400 * per_day
            pages = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
            print(
                f"  {step.written}: {first} to {last} ahead, {plan['Execution Time']:.0f} ms,"
                f" {pages} pages, rows by index: {read}"
            )
            assert sum(read.values()) < ROWS_OF_A_WINDOW * window
        for row in await connection.execute(SIZES):
            print(f"  {row.relname}: {row.bytes / VISITS:.1f} bytes an open visit")
    assert min(took) < WITHIN_SECONDS


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("change", list(CHANGES))
async def test_what_a_change_pays_for_the_index_of_reminders(
    million: Database, change: str
) -> None:
    """Bytes of the log of what is written, in transactions that are taken back.

    The least of some rounds: what is first written to a page since a checkpoint logs all of it.
    """
    paid: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    async with million.connect() as connection:
        for has_index in (True, False) * ROUNDS:
            await connection.execute(text("BEGIN"))
            if not has_index:
                await connection.execute(text("DROP INDEX schedules_begins_at_idx"))
            some = (await connection.execute(text(SOME))).scalar_one()
            await connection.execute(text(PATIENTS), {"number": len(some)})
            await connection.execute(text(ON_DUTY), {"some": some})
            before = (await connection.execute(text(WAL))).scalar_one()
            began = time.perf_counter()
            await connection.execute(text(CHANGES[change]), {"some": some})
            seconds = time.perf_counter() - began
            after = (await connection.execute(text(WAL))).scalar_one()
            await connection.execute(text("ROLLBACK"))
            paid[has_index].append(((after - before) / len(some), seconds * 1e6 / len(some)))

    wal = {has_index: min(each for each, _ in costs) for has_index, costs in paid.items()}
    for has_index, costs in paid.items():
        took = min(each for _, each in costs)
        how = "with" if has_index else "without"
        print(f"\n{change}, {how} the index: {wal[has_index]:.0f} bytes of the log, {took:.0f} µs")
    assert wal[True] < AT_MOST * wal[False]


async def explained(connection: Connection, values: dict[str, object]) -> dict[str, Any]:
    """What the statement has done, as it was planned for these values."""
    asked = text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {NEAR.text}")
    told: list[dict[str, Any]] = (await connection.execute(asked, values)).scalar_one()
    return told[0]


def rows_read(step: dict[str, Any]) -> dict[str, int]:
    """By the index that they were found by, those that were thrown away included."""
    read: dict[str, int] = {}
    if "Index Name" in step:
        each = step["Actual Rows"] + step.get("Rows Removed by Filter", 0)
        read[step["Index Name"]] = round(each * step["Actual Loops"])
    for below in step.get("Plans", ()):
        for name, rows in rows_read(below).items():
            read[name] = read.get(name, 0) + rows
    return read
