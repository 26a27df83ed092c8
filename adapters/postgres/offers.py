"""Offers: another time, held for a visit that is to leave its own.

An offer is a row of the same visit, so that it stands in its visit's way nowhere. Its id is made of
campaign and visit: a second run finds what the first one offered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from psycopg.sql import SQL

from adapters.postgres.acting import ACTING, told
from adapters.postgres.alternatives import free_alternatives
from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor
from adapters.postgres.reads import read, read_by_cursor
from adapters.postgres.rows import COLUMNS, Row, appointment_of
from adapters.postgres.transactions import TransactionLimit, serializable
from domain.actors import SYSTEM
from domain.booking import Alternative, Appointment, Status
from domain.campaign import Judged, Offer, ReofferOrder, Verdict, answer_within, is_moved
from domain.errors import AppointmentNotFound, CampaignNotFound
from domain.plan_exceptions import Policy

SEE = SQL(f"""
SELECT {COLUMNS}, c.state AS pace, c.policy, v.state AS part, v.offer_id, v.answer_until,
    v.doctor_id AS stood_with, v.starts_at AS stood_at, clock_timestamp() AS now,
    extract(epoch FROM v.asked_at - clock_timestamp()) AS asked_in
FROM campaign_visits v JOIN campaigns c ON c.id = v.campaign_id
JOIN schedules s ON s.id = v.appointment_id
WHERE v.campaign_id = %(campaign_id)s AND v.appointment_id = %(appointment_id)s
""")  # noqa: S608 - our own columns, as below

ONE = SQL(f"SELECT {COLUMNS} FROM schedules s WHERE s.id = %(id)s")  # noqa: S608

# Taking a slot expires every lapsed hold in its way, as a hold does. A shift that closes is none.
TAKE = SQL(f"""
WITH lapsed AS (
    UPDATE schedules s SET status = 'expired', version = s.version + 1
    FROM doctors d
    WHERE d.id = %(doctor_id)s AND s.status = 'held' AND s.held_until <= clock_timestamp()
      AND (s.practitioner_id = d.practitioner_id OR s.patient_id = %(patient_id)s)
      AND s.occupies && tstzrange(%(starts_at)s, %(ends_at)s)
    RETURNING s.id
)
INSERT INTO schedules AS s (id, visit_id, patient_id, doctor_id, practitioner_id, clinic_id,
                            starts_at, ends_at, status, held_until, origin, service_id)
SELECT %(offer_id)s, v.id, v.patient_id, d.id, d.practitioner_id, d.clinic_id,
    %(starts_at)s, %(ends_at)s, 'held', %(answer_until)s, 'offer', v.service_id
FROM schedules v, doctors d, (SELECT count(*) FROM lapsed) AS made_way
WHERE v.id = %(appointment_id)s AND d.id = %(doctor_id)s AND EXISTS (
    SELECT FROM shifts w
    WHERE w.doctor_id = d.id AND w.state = 'open'
      AND w.during @> tstzrange(%(starts_at)s, %(ends_at)s)
) AND {ACTING}
ON CONFLICT DO NOTHING
RETURNING {COLUMNS}
""")  # noqa: S608

ASKED = SQL("""
UPDATE campaign_visits SET state = 'asked', offer_id = %(offer_id)s,
    asked_at = clock_timestamp(), answer_until = %(answer_until)s
WHERE campaign_id = %(campaign_id)s AND appointment_id = %(appointment_id)s
""")

SILENT = SQL("""
UPDATE campaign_visits SET state = 'silent'
WHERE campaign_id = %(campaign_id)s AND appointment_id = %(appointment_id)s
  AND state IN ('left', 'asked')
""")

LAPSE = SQL(f"""
UPDATE schedules SET status = 'expired', version = version + 1
WHERE id = %(offer_id)s AND status = 'held' AND {ACTING}
""")  # noqa: S608


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """A visit of a campaign, and the campaign, at one instant."""

    visit: Appointment
    offer: Appointment | None
    pace: str
    policy: Policy
    stands: bool
    now: datetime


async def offer_another_time(
    database: Database, turns: TransactionLimit, order: ReofferOrder
) -> Offer | None:
    """Hold another time for the visit, and note that its patient is asked.

    None where there is nobody to ask: the campaign is paused or stopped, or the visit has moved on.
    Where nothing is free the visit goes on the call list. A second run finds the first one's offer.
    """
    seen = await read_by_cursor(database, partial(_see, order=order))
    if seen.offer is not None:
        return _offered(seen, seen.offer)
    if seen.pace != "running" or not seen.stands:
        return None
    visit = seen.visit
    free = await read(
        database,
        lambda connection: free_alternatives(
            connection,
            patient_id=visit.patient_id,
            doctor_id=visit.doctor_id,
            starts_at=visit.starts_at,
            service_id=visit.service_id,
            moving=visit,
        ),
    )
    return await serializable(database, partial(_offer, order=order, free=free), turns)


async def judge_offer(database: Database, order: ReofferOrder) -> Judged:
    """What is to be done about an offer whose time may be over. A second run judges the same."""
    return await serializable(database, partial(_judge, order=order))


async def _offer(
    connection: Cursor, *, order: ReofferOrder, free: Sequence[Alternative]
) -> Offer | None:
    seen = await _see(connection, order)
    if seen.offer is not None:
        return _offered(seen, seen.offer)
    if seen.pace != "running" or not seen.stands:
        return None
    until = seen.now + answer_within(seen.visit.starts_at - seen.now)
    key = {"campaign_id": order.campaign_id, "appointment_id": order.appointment_id}
    late_enough = [each for each in free if each.starts_at > until]
    for each in late_enough or free:
        answer_until = min(until, each.starts_at, seen.visit.starts_at)
        asked = {
            **key,
            **vars(each),
            "offer_id": order.offer_id,
            "patient_id": seen.visit.patient_id,
            "answer_until": answer_until,
            "actor": told(SYSTEM),
        }
        row = await connection.one_or_none(TAKE, asked)
        if row is not None:
            await connection.write(ASKED, asked)
            return _offered(seen, appointment_of(row))
    await connection.write(SILENT, key)
    return None


async def _judge(connection: Cursor, *, order: ReofferOrder) -> Judged:
    seen = await _see(connection, order)
    if seen.offer is None:
        raise AppointmentNotFound
    visit, offer = seen.visit, seen.offer
    key = {"campaign_id": order.campaign_id, "appointment_id": order.appointment_id}
    if not seen.stands or offer.status is Status.CANCELLED:
        return Judged(verdict=Verdict.ANSWERED, visit=visit, offer=offer)
    left = _seconds_until(offer.held_until or seen.now, seen.now)
    if left > 0:
        return Judged(verdict=Verdict.WAIT, visit=visit, offer=offer, in_seconds=left)
    if seen.pace == "paused":
        return Judged(verdict=Verdict.WAIT, visit=visit, offer=offer, in_seconds=PAUSED_SECONDS)
    await connection.write(SILENT, key)
    await connection.write(LAPSE, {"offer_id": order.offer_id, "actor": told(SYSTEM)})
    verdict = Verdict.CALL if seen.pace == "stopped" else VERDICTS[seen.policy]
    return Judged(verdict=verdict, visit=visit, offer=offer)


PAUSED_SECONDS = 60.0
"""So often it is looked at whether a campaign goes on."""

VERDICTS = {
    Policy.CALL_LIST: Verdict.CALL,
    Policy.MOVE: Verdict.MOVE,
    Policy.CANCEL: Verdict.CANCEL,
}


async def _see(connection: Cursor, order: ReofferOrder) -> _Seen:
    """Raises `CampaignNotFound`."""
    row = await connection.one_or_none(SEE, vars(order))
    if row is None:
        raise CampaignNotFound
    visit = appointment_of(row)
    offer: Row | None = None
    if row["offer_id"] is not None:
        offer = await connection.one(ONE, {"id": row["offer_id"]})
    stands = (
        visit.status is Status.CONFIRMED
        and visit.starts_at > row["now"]
        and not is_moved(visit, doctor_id=row["stood_with"], starts_at=row["stood_at"])
    )
    return _Seen(
        visit=visit,
        offer=None if offer is None else appointment_of(offer),
        pace=row["pace"],
        policy=Policy(row["policy"]),
        stands=stands,
        now=row["now"],
    )


def _offered(seen: _Seen, offer: Appointment) -> Offer:
    ends = _seconds_until(offer.held_until or seen.now, seen.now)
    return Offer(offer=offer, visit=seen.visit, remind_in_seconds=ends / 2, ends_in_seconds=ends)


def _seconds_until(instant: datetime, now: datetime) -> float:
    return max(timedelta(0), instant - now).total_seconds()


async def visit_of_offer(connection: Cursor, offer_id: UUID) -> UUID | None:
    """The visit that an offer is of; None for what is no offer."""
    row = await connection.one_or_none(OF_VISIT, {"id": offer_id})
    return None if row is None else row["visit_id"]


OF_VISIT = SQL("""
SELECT visit_id FROM schedules WHERE id = %(id)s AND origin = 'offer' AND visit_id <> id
""")
