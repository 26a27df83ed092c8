"""Which reminders are due, read from the visits' rows: no visit that is open costs anything."""

import json

from sqlalchemy import RowMapping, text

from adapters.messages.delivery_errors import UNANSWERED
from adapters.postgres.database import Connection
from adapters.postgres.tables.bookings import BEGINS_AT
from domain.clinic_rules import DEFAULT_REMINDERS
from domain.durations import Duration, parse_duration
from domain.quiet_hours import QuietHours
from domain.reminders import (
    Ahead,
    Reminder,
    due_at,
    is_due,
    reach,
    reminder_id,
)
from domain.zones import zone_named

UNLESS_CHOSEN = json.dumps(DEFAULT_REMINDERS)

OF_CLINIC = "coalesce(c.rules -> 'reminders', CAST(:unless_chosen AS jsonb))"

STEPS = text(f"""
SELECT DISTINCT step FROM clinics c, jsonb_array_elements_text({OF_CLINIC}) AS step ORDER BY step
""")  # noqa: S608 - an expression of ours

FIRST = "statement_timestamp() + CAST(:first AS interval)"
LAST = "statement_timestamp() + CAST(:last AS interval)"

# A reminder that was begun is in the record of the messages. One of an earlier version counts where
# the patient was told, is being told or may have been. What was overtaken, declined, refused or
# kept in reserve told nobody of the visit. Both indexes are searched by `statement_timestamp()`,
# which does not move: the visits of the window, and the reminders of visits of that window. Each
# window is read once, however many clinics there are.
NEAR = text(f"""
WITH near AS MATERIALIZED (
    SELECT s.* FROM schedules s
    WHERE ({BEGINS_AT}) > {FIRST} AND ({BEGINS_AT}) <= {LAST}
      AND NOT EXISTS (
        SELECT FROM notifications n
        WHERE n.step = :step AND n.starts_at > {FIRST} AND n.starts_at <= {LAST}
          AND n.appointment_id = s.id AND n.starts_at = s.starts_at
          AND (n.sequence = s.version OR n.status IN ('sending', 'sent', 'delivered')
            OR n.status = 'failed' AND n.error = '{UNANSWERED}')
      )
)
SELECT s.id, s.version, s.patient_id, s.doctor_id, s.clinic_id, s.starts_at, s.ends_at,
    coalesce(s.confirmed_at, s.created_at) AS booked_at, s.rescheduled_at AS moved_at,
    c.time_zone AS clinic_zone,
    coalesce((SELECT p.time_zone FROM patient_facts p WHERE p.id = s.patient_id), c.time_zone)
        AS patient_zone,
    statement_timestamp() AS now,
    CAST(c.rules -> 'remindersSince' ->> :step AS timestamptz) AS since
FROM near s JOIN clinics c ON c.id = s.clinic_id
WHERE {OF_CLINIC} @> to_jsonb(CAST(:step AS text))
ORDER BY s.starts_at
""")  # noqa: S608 - an expression of ours


async def reminder_steps(connection: Connection) -> list[Duration]:
    """Every step that a clinic reminds by."""
    found = await connection.execute(STEPS, {"unless_chosen": UNLESS_CHOSEN})
    return [parse_duration(row.step) for row in found]


async def due_reminders(connection: Connection, quiet: QuietHours) -> list[Reminder]:
    """All that are due now and were not begun, for each step those of the next visits first."""
    found: list[Reminder] = []
    for step in await reminder_steps(connection):
        first, last = reach(step, quiet)
        asked = {
            "first": first,
            "last": last,
            "step": step.written,
            "unless_chosen": UNLESS_CHOSEN,
        }
        rows = (await connection.execute(NEAR, asked)).mappings()
        found += [each for row in rows if (each := _due(row, step, quiet)) is not None]
    return found


def _due(row: RowMapping, step: Duration, quiet: QuietHours) -> Reminder | None:
    visit = Ahead(
        starts_at=row["starts_at"],
        booked_at=row["booked_at"],
        moved_at=row["moved_at"],
        clinic_zone=zone_named(row["clinic_zone"]),
        patient_zone=zone_named(row["patient_zone"]),
    )
    due = due_at(step, visit, quiet)
    if due is None or not is_due(due, row["now"], row["since"]):
        return None
    return Reminder(
        event_id=reminder_id(row["id"], row["version"], step.written),
        step=step.written,
        time=due,
        sequence=row["version"],
        appointment_id=row["id"],
        patient_id=row["patient_id"],
        doctor_id=row["doctor_id"],
        clinic_id=row["clinic_id"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
    )
