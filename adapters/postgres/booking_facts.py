"""Everything the booking rules ask about one wish, in one statement at one instant."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.sql import SQL

from adapters.postgres.direct import Cursor, one_line
from adapters.postgres.made_moves import placement_before
from adapters.postgres.rows import COLUMNS, Row, appointment_of
from adapters.postgres.tables import LET_GO
from domain.booking import Appointment, Status, Terms
from domain.clinic_rules import NO_RULES, rules_of
from domain.errors import AppointmentNotFound
from domain.rules import DoctorGrid, Facts, LetGo, LiveRow, Service, SlotWish
from domain.slot import Interval
from domain.zones import zone_named

TAKEN_AS = "CASE WHEN s.status = 'held' THEN 'held' ELSE 'confirmed' END"
"""What occupies and is no hold is a visit that stands, whatever else is known of it."""

LAPSED = "s.status = 'held' AND s.held_until <= clock.now"

# The longest slot is 480 minutes (constraint doctors_slot_minutes), so no slot that begins at
# the instant wished for reaches past the window below. A shift that is closing takes no holds.
LOOK = one_line(f"""
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
desk AS MATERIALIZED (
    SELECT d.id, d.practitioner_id, d.clinic_id, d.slot_minutes, d.specialty,
        c.time_zone, c.rules
    FROM doctors d JOIN clinics c ON c.id = d.clinic_id WHERE d.id = %(doctor_id)s
),
live AS (
    SELECT s.id, s.patient_id, s.doctor_id, s.practitioner_id, {TAKEN_AS} AS status,
           s.starts_at, s.ends_at, s.held_until, {LAPSED} AS has_lapsed
    FROM schedules s, clock
    WHERE s.practitioner_id = (SELECT practitioner_id FROM desk)
      AND s.occupies && tstzrange(%(starts_at)s,
                                 CAST(%(starts_at)s AS timestamptz) + interval '8 hours')
      AND s.visit_id <> %(appointment_id)s
    UNION
    SELECT s.id, s.patient_id, s.doctor_id, s.practitioner_id, {TAKEN_AS} AS status,
           s.starts_at, s.ends_at, s.held_until, {LAPSED} AS has_lapsed
    FROM schedules s, clock
    WHERE s.patient_id = %(patient_id)s
      AND s.occupies && tstzrange(%(starts_at)s,
                                 CAST(%(starts_at)s AS timestamptz) + interval '8 hours')
      AND s.visit_id <> %(appointment_id)s
),
let_go AS (
    SELECT s.status = 'expired' AS has_lapsed, s.updated_at AS ended_at FROM schedules s
    WHERE s.doctor_id = %(doctor_id)s AND s.starts_at = %(starts_at)s AND {LET_GO}
      AND (s.patient_id = %(patient_id)s OR s.patient_id = %(holder)s OR s.held_by = %(holder)s)
      AND s.origin <> 'offer' AND s.id <> %(appointment_id)s
    UNION ALL
    SELECT true, held_until FROM live
    WHERE has_lapsed AND doctor_id = %(doctor_id)s AND starts_at = %(starts_at)s
      AND (patient_id = %(patient_id)s OR patient_id = %(holder)s)
)
SELECT clock.now,
    (SELECT to_json(desk) FROM desk) AS desk,
    EXISTS (SELECT FROM patient_facts WHERE id = %(patient_id)s AND erased_at IS NULL)
        AS patient_exists,
    (SELECT json_agg(json_build_array(lower(during), upper(during))) FROM shifts
      WHERE doctor_id = %(doctor_id)s AND during @> CAST(%(starts_at)s AS timestamptz)
        AND state = 'open') AS shifts,
    (SELECT json_agg(live) FROM live WHERE NOT has_lapsed) AS live,
    (SELECT json_build_object('minutes', v.minutes, 'self_bookable', v.self_bookable)
     FROM services v JOIN doctor_services o ON o.service_id = v.id
     WHERE v.id = CAST(%(service_id)s AS uuid) AND o.doctor_id = %(doctor_id)s) AS service,
    holds.count AS live_holds, holds.first_lapse,
    (SELECT CAST(extract(epoch FROM ends_at - starts_at) / 60 AS integer) FROM schedules
     WHERE id = %(appointment_id)s) AS own_minutes,
    CASE WHEN (SELECT rules ->> 'maxLivePerPatient' FROM desk) IS NOT NULL THEN (
        SELECT count(DISTINCT visit_id) FROM schedules
        WHERE patient_id = %(patient_id)s AND occupies && tstzrange(clock.now, NULL)
          AND starts_at > clock.now AND clinic_id = (SELECT clinic_id FROM desk)
          AND (status <> 'held' OR held_until > clock.now) AND visit_id <> %(appointment_id)s
    ) ELSE 0 END AS live_visits,
    CASE WHEN (SELECT rules ->> 'maxNoShows' FROM desk) IS NOT NULL THEN (
        SELECT json_agg(starts_at) FROM schedules
        WHERE patient_id = %(patient_id)s AND status = 'no_show'
          AND clinic_id = (SELECT clinic_id FROM desk)
    ) END AS missed,
    of_subject.count AS subject_holds, of_subject.first_lapse AS subject_first_lapse,
    (SELECT count(*) FROM let_go) AS let_go, (SELECT max(ended_at) FROM let_go) AS last_let_go,
    (SELECT count(*) FROM let_go WHERE has_lapsed) AS lapses
FROM clock, LATERAL (
    SELECT count(*), min(held_until) AS first_lapse FROM schedules
    WHERE patient_id = %(patient_id)s AND status = 'held' AND held_until > clock.now
      AND visit_id <> %(appointment_id)s AND origin <> 'offer'
) holds, LATERAL (
    SELECT count(*), min(held_until) AS first_lapse FROM (
        SELECT s.held_until FROM schedules s
        WHERE s.patient_id = %(holder)s AND s.status = 'held' AND s.held_until > clock.now
          AND s.held_by IS NULL AND s.origin <> 'offer' AND s.id <> %(appointment_id)s
        UNION ALL
        SELECT s.held_until FROM schedules s
        WHERE s.held_by = %(holder)s AND s.status = 'held' AND s.held_until > clock.now
          AND s.id <> %(appointment_id)s
    ) held
) of_subject
""")  # noqa: S608 - our own words

OWN = SQL(f"SELECT {COLUMNS} FROM schedules s WHERE s.id = %(appointment_id)s")  # noqa: S608 - our own columns
OWN_AT_FIRST = SQL(f"""
SELECT {COLUMNS}, coalesce(s.first_held_until, s.held_until) AS first_held_until,
    to_json(first_move) AS first_move
FROM schedules s LEFT JOIN LATERAL (
    SELECT m.* FROM moves m WHERE m.appointment_id = s.id ORDER BY m.version LIMIT 1
) first_move ON s.moves > 0
WHERE s.id = %(appointment_id)s
""")  # noqa: S608 - our own columns

# Who moves a visit leaves the mark behind, as who exchanges it does.
TERMS_AT_FIRST = SQL("""
SELECT CASE WHEN s.moves = 0 THEN s.overbook END AS overbook, held.reason
FROM schedules s CROSS JOIN LATERAL (
    SELECT a.reason FROM audit a
    WHERE a.object = s.id::text AND a.version = 1 AND a.action = 'hold' ORDER BY a.id LIMIT 1
) held
WHERE s.id = %(appointment_id)s
""")


async def own_row(connection: Cursor, appointment_id: UUID) -> Row:
    """The appointment's row as it is now; refuses one that has none."""
    row = await connection.one_or_none(OWN, {"appointment_id": appointment_id})
    if row is None:
        raise AppointmentNotFound
    return row


async def load_facts(
    connection: Cursor, wish: SlotWish, *, appointment_id: UUID
) -> tuple[Facts, Appointment | None]:
    """The facts about a wish, and the appointment's own row if it has one already.

    Of its own row, the end of the hold is the first one, from before it was extended, and it
    stands where it was first held, before it was moved.
    """
    row = await connection.one(LOOK, _parameters(wish, appointment_id))
    has_row = row["own_minutes"] is not None
    return _facts(row), await own_at_first(connection, appointment_id) if has_row else None


async def load_facts_besides(connection: Cursor, wish: SlotWish, *, appointment_id: UUID) -> Facts:
    """The facts about where an appointment goes to, as if it stood nowhere yet.

    It keeps the minutes that it was booked with, whatever slots the doctor has by now.
    """
    row = await connection.one(LOOK, _parameters(wish, appointment_id))
    kept = row["own_minutes"]
    return _facts(row) if kept is None else replace(_facts(row), service=Service(minutes=kept))


async def own_at_first(connection: Cursor, appointment_id: UUID) -> Appointment | None:
    """The appointment's row with its first placement and the first end of its hold."""
    row = await connection.one_or_none(OWN_AT_FIRST, {"appointment_id": appointment_id})
    if row is None:
        return None
    own = replace(appointment_of(row), held_until=row["first_held_until"])
    if row["first_move"] is None:
        return own
    return replace(own, **vars(placement_before(row["first_move"])))


async def terms_at_first(connection: Cursor, appointment_id: UUID) -> Terms | None:
    """What the hold was asked for with; null where the history no longer tells."""
    asked = {"appointment_id": appointment_id}
    row = await connection.one_or_none(TERMS_AT_FIRST, asked)
    return None if row is None else Terms(overbook=row["overbook"], reason=row["reason"])


def _parameters(wish: SlotWish, appointment_id: UUID) -> dict[str, object]:
    return {
        "appointment_id": appointment_id,
        "doctor_id": wish.doctor_id,
        "patient_id": wish.patient_id,
        "starts_at": wish.starts_at,
        "service_id": wish.service_id,
        "holder": wish.holder,
    }


def _facts(row: Row) -> Facts:
    return Facts(
        now=row["now"],
        desk=_desk(row["desk"]) if row["desk"] else None,
        patient_exists=row["patient_exists"],
        shifts=[_interval(*bounds) for bounds in row["shifts"] or []],
        rows=[_live_row(live) for live in row["live"] or []],
        live_holds=row["live_holds"],
        first_lapse=row["first_lapse"],
        service=Service(**row["service"]) if row["service"] else None,
        rules=rules_of(row["desk"]["rules"], row["desk"]["specialty"]) if row["desk"] else NO_RULES,
        live_visits=row["live_visits"],
        missed=tuple(datetime.fromisoformat(each) for each in row["missed"] or ()),
        subject_holds=row["subject_holds"],
        subject_first_lapse=row["subject_first_lapse"],
        let_go=LetGo(times=row["let_go"], lapses=row["lapses"], last=row["last_let_go"]),
    )


def _desk(found: dict[str, Any]) -> DoctorGrid:
    return DoctorGrid(
        doctor_id=UUID(found["id"]),
        practitioner_id=UUID(found["practitioner_id"]),
        clinic_id=UUID(found["clinic_id"]),
        slot_minutes=found["slot_minutes"],
        zone=zone_named(found["time_zone"]),
    )


def _live_row(found: dict[str, Any]) -> LiveRow:
    held_until = found["held_until"]
    return LiveRow(
        appointment_id=UUID(found["id"]),
        patient_id=UUID(found["patient_id"]),
        doctor_id=UUID(found["doctor_id"]),
        practitioner_id=UUID(found["practitioner_id"]),
        status=Status(found["status"]),
        during=_interval(found["starts_at"], found["ends_at"]),
        held_until=None if held_until is None else datetime.fromisoformat(held_until),
    )


def _interval(starts_at: str, ends_at: str) -> Interval:
    return Interval(
        starts_at=datetime.fromisoformat(starts_at), ends_at=datetime.fromisoformat(ends_at)
    )
