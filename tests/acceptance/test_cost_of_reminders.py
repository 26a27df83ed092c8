"""What a reminder costs: `-m long -s`, on a quiet machine. A booking pays two of them, later."""

from pathlib import Path

import pytest

from tests.acceptance.measuring import at_rest, counted, everybody_is_told, measured_stack

VISITS = 100
MESSAGES = 2
"""A letter and a text message; the doctor is told of no reminder."""

NEAR = """
WITH wanted AS (
    SELECT clock_timestamp() + interval '1 day 5 seconds' AS starts_at, id AS doctor_id,
        row_number() OVER (ORDER BY id) - 1 AS nth, count(*) OVER () AS doctors
    FROM doctors
), on_duty AS (
    INSERT INTO shifts (doctor_id, during)
    SELECT w.doctor_id, unnest(
        tstzmultirange(tstzrange(w.starts_at, w.starts_at + interval '30 minutes'))
        - coalesce((SELECT range_agg(during) FROM shifts s WHERE s.doctor_id = w.doctor_id), '{}')
    ) FROM wanted w
), somebody AS (
    INSERT INTO patients (id, full_name, phone, email)
    SELECT gen_random_uuid(), 'Somebody', '+79120007731', 'somebody@example.org'
    FROM generate_series(1, %s) RETURNING id
)
INSERT INTO schedules (id, patient_id, doctor_id, starts_at, ends_at, status, overbook,
    confirmed_at)
SELECT gen_random_uuid(), p.id, w.doctor_id, w.starts_at, w.starts_at + interval '30 minutes',
    'confirmed', true, clock_timestamp() - interval '5 days'
FROM (SELECT id, row_number() OVER () AS nth FROM somebody) p
JOIN wanted w ON w.nth = p.nth %% w.doctors RETURNING id
"""
"""Booked five days ago for a time that is a day away in five seconds."""

AT_MOST_CPU_MS = 150.0
"""Of all processes and servers, a reminder with both of its messages."""


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_reminder_costs_about_what_a_confirmation_tells(tmp_path: Path) -> None:
    async with measured_stack(tmp_path / "home") as clinic:
        idle = await at_rest(clinic)
        async with counted(clinic) as turn:
            visits = [str(row[0]) for row in await clinic.rows(NEAR, VISITS)]
            await everybody_is_told(clinic, visits, messages=MESSAGES * VISITS)
    each = turn.cpu_ms(VISITS, idle=idle)

    parts = {name: round(used, 1) for name, used in each.items()}
    print(f"\na reminder costs {sum(each.values()):.1f} CPU-ms: {parts}")
    assert 0 < sum(each.values()) <= AT_MOST_CPU_MS
