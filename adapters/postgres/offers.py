"""Offers: another time, held for a visit that is to leave its own.

An offer is a row of the same visit, so that it stands in its visit's way nowhere. Its id is made of
campaign, visit and round: a second run finds what the first one offered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from psycopg.sql import SQL
from sqlalchemy import text

from adapters.postgres.acting import ACTING, told
from adapters.postgres.alternatives import free_alternatives
from adapters.postgres.database import Connection, Database
from adapters.postgres.direct import Cursor
from adapters.postgres.reads import read, read_by_cursor
from adapters.postgres.rows import COLUMNS, appointment_of
from adapters.postgres.transactions import TransactionLimit, serializable
from domain.actors import SYSTEM
from domain.booking import Alternative, Appointment, Status
from domain.campaign import (
    Asking,
    Judged,
    Offer,
    ReofferOrder,
    Verdict,
    after_a_refusal,
    is_moved,
)
from domain.clinic_rules import rules_of
from domain.errors import AppointmentNotFound, CampaignNotFound
from domain.plan_exceptions import Policy
from domain.quiet_hours import QuietHours
from domain.zones import zone_named

SEE = SQL(f"""
SELECT {COLUMNS}, c.state AS pace, c.policy, v.asked_at, v.state = 'silent' AS is_silent,
    v.doctor_id AS stood_with, v.starts_at AS stood_at, clock_timestamp() AS now,
    k.rules, k.time_zone AS clinic_zone,
    coalesce((SELECT p.time_zone FROM patient_facts p WHERE p.id = s.patient_id), k.time_zone)
        AS patient_zone
FROM campaign_visits v JOIN campaigns c ON c.id = v.campaign_id
JOIN schedules s ON s.id = v.appointment_id
JOIN clinics k ON k.id = s.clinic_id
WHERE v.campaign_id = %(campaign_id)s AND v.appointment_id = %(appointment_id)s
""")  # noqa: S608 - our own columns, as below

ONE = SQL(f"SELECT {COLUMNS} FROM schedules s WHERE s.id = %(id)s")  # noqa: S608

DECLINED_TIMES = text("SELECT doctor_id, starts_at FROM schedules WHERE id = ANY(:offers)")

OFFERED_FROM = 5
"""So many of the nearest free times are tried."""

# Taking a slot expires every lapsed hold in its way, as a hold does. A shift that closes is none.
TAKE = SQL(f"""
WITH lapsed AS (
    UPDATE schedules s SET status = 'expired', version = s.version + 1 FROM doctors d
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
    asked_at = %(asked_at)s, answer_until = %(answer_until)s,
    round = %(round)s, answer_heard = false
WHERE campaign_id = %(campaign_id)s AND appointment_id = %(appointment_id)s
""")

SILENT = SQL("""
UPDATE campaign_visits SET state = 'silent'
WHERE campaign_id = %(campaign_id)s AND appointment_id = %(appointment_id)s
  AND state IN ('left', 'asked')
""")

# What the visit itself is to be moved to is kept for it until the move has come, or cannot come.
LAPSE = SQL(f"""
UPDATE schedules SET status = CASE WHEN %(is_kept)s THEN status ELSE 'expired' END,
    held_until = CASE WHEN %(is_kept)s
        THEN least(clock_timestamp() + interval '5 minutes', starts_at) ELSE held_until END,
    version = version + 1
WHERE id = %(offer_id)s AND status = 'held' AND {ACTING}
""")  # noqa: S608

TRIES = 5
"""Where others took all that was free a moment ago, it is looked again so often."""


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """A visit of a campaign, and the campaign, at one instant; `offer` is that of this round."""

    visit: Appointment
    offer: Appointment | None
    pace: str
    policy: Policy
    is_silent: bool
    stands: bool
    now: datetime
    asking: Asking

    @property
    def is_to_be_asked(self) -> bool:
        return self.offer is None and self.pace == "running" and self.stands


class _AllTaken(Exception):
    """What was free is so no more."""


async def offer_another_time(
    database: Database, turns: TransactionLimit, order: ReofferOrder, quiet: QuietHours
) -> Offer | None:
    """Hold another time for the visit, and note that its patient is asked.

    None where there is nobody to ask: the campaign is paused or stopped, or the visit has moved on.
    Where nothing is free the visit goes on the call list. A second run finds the first one's offer.
    """
    for _ in range(TRIES):
        seen = await read_by_cursor(database, partial(_see, order=order, quiet=quiet))
        if not seen.is_to_be_asked:
            return None if seen.offer is None else _offered(seen, seen.offer)
        free = await read(database, partial(_free, order=order, visit=seen.visit))
        work = partial(_offer, order=order, quiet=quiet, free=free)
        try:
            return await serializable(database, work, turns)
        except _AllTaken:
            continue
    return await serializable(database, partial(_offer, order=order, quiet=quiet, free=[]), turns)


async def judge_offer(database: Database, order: ReofferOrder, quiet: QuietHours) -> Judged:
    """What is to be done about an offer whose time may be over. A second run judges the same."""
    return await serializable(database, partial(_judge, order=order, quiet=quiet))


async def _free(
    connection: Connection, *, order: ReofferOrder, visit: Appointment
) -> list[Alternative]:
    """The nearest ones that the patient has not declined."""
    found = await connection.execute(DECLINED_TIMES, {"offers": order.declined})
    declined = {(row.doctor_id, row.starts_at) for row in found}
    free = await free_alternatives(
        connection,
        patient_id=visit.patient_id,
        doctor_id=visit.doctor_id,
        starts_at=visit.starts_at,
        service_id=visit.service_id,
        moving=visit,
        limit=OFFERED_FROM + len(declined),
    )
    return [each for each in free if (each.doctor_id, each.starts_at) not in declined]


async def _offer(
    connection: Cursor, *, order: ReofferOrder, quiet: QuietHours, free: Sequence[Alternative]
) -> Offer | None:
    seen = await _see(connection, order, quiet)
    if not seen.is_to_be_asked:
        return None if seen.offer is None else _offered(seen, seen.offer)
    until = seen.asking.until
    late_enough = [each for each in free if each.starts_at > until]
    for each in late_enough or free:
        asked = {
            **vars(order),
            **vars(each),
            "offer_id": order.offer_id,
            "patient_id": seen.visit.patient_id,
            "asked_at": seen.now,
            "answer_until": min(until, each.starts_at),
            "actor": told(SYSTEM),
        }
        row = await connection.one_or_none(TAKE, asked)
        if row is not None:
            await connection.write(ASKED, asked)
            return _offered(seen, appointment_of(row))
    if free:
        raise _AllTaken
    if order.round == 1:
        await connection.write(SILENT, vars(order))
    return None


async def _judge(connection: Cursor, *, order: ReofferOrder, quiet: QuietHours) -> Judged:
    seen = await _see(connection, order, quiet)
    if seen.offer is None:
        raise AppointmentNotFound
    judged = Judged(verdict=Verdict.ANSWERED, visit=seen.visit, offer=seen.offer)
    if not seen.stands:
        return judged
    if seen.offer.status is Status.CANCELLED:
        ahead = seen.visit.starts_at - seen.now
        verdict = after_a_refusal(pace=seen.pace, order=order, ahead=ahead)
        return replace(judged, verdict=verdict, in_seconds=PAUSED_SECONDS, reminds=False)
    left = _seconds_until(seen.offer.held_until or seen.now, seen.now)
    if not seen.is_silent and (left > 0 or seen.pace == "paused"):
        return _waiting(judged, seen, left)
    by_policy = order.round == 1 and seen.pace != "stopped"
    verdict = VERDICTS[seen.policy] if by_policy else Verdict.CALL
    lapse = {"offer_id": order.offer_id, "is_kept": verdict is Verdict.MOVE, "actor": told(SYSTEM)}
    await connection.write(LAPSE, lapse)
    if order.round == 1:
        await connection.write(SILENT, vars(order))
    return replace(judged, verdict=verdict)


def _waiting(judged: Judged, seen: _Seen, left: float) -> Judged:
    """Until the reminder is due, then until the time is over. A paused campaign says nothing."""
    remind_in = _offered(seen, judged.offer).remind_in_seconds
    if seen.pace == "paused":
        wait, reminds = PAUSED_SECONDS, False
    else:
        wait, reminds = remind_in or left, not remind_in
    return replace(judged, verdict=Verdict.WAIT, in_seconds=wait, reminds=reminds)


PAUSED_SECONDS = 60.0
"""So often it is looked at whether a campaign goes on."""

VERDICTS = {
    Policy.CALL_LIST: Verdict.CALL,
    Policy.MOVE: Verdict.MOVE,
    Policy.CANCEL: Verdict.CANCEL,
}


async def _see(connection: Cursor, order: ReofferOrder, quiet: QuietHours) -> _Seen:
    """Raises `CampaignNotFound`."""
    row = await connection.one_or_none(SEE, vars(order))
    if row is None:
        raise CampaignNotFound
    visit = appointment_of(row)
    offer = await connection.one_or_none(ONE, {"id": order.offer_id})
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
        is_silent=row["is_silent"],
        stands=stands,
        now=row["now"],
        asking=Asking(
            asked_at=row["now"] if offer is None else row["asked_at"],
            starts_at=visit.starts_at,
            clinic_zone=zone_named(row["clinic_zone"]),
            patient_zone=zone_named(row["patient_zone"]),
            quiet=quiet,
            lasts=rules_of(row["rules"]).offer_lasts,
        ),
    )


def _offered(seen: _Seen, offer: Appointment) -> Offer:
    until = offer.held_until or seen.now
    return Offer(
        offer=offer,
        visit=seen.visit,
        remind_in_seconds=_seconds_until(seen.asking.remind_at(until), seen.now),
        ends_in_seconds=_seconds_until(until, seen.now),
    )


def _seconds_until(instant: datetime, now: datetime) -> float:
    return max(timedelta(0), instant - now).total_seconds()


async def visit_of_offer(connection: Cursor, offer_id: UUID) -> UUID | None:
    """The visit that an offer is of; None for what is no offer."""
    row = await connection.one_or_none(OF_VISIT, {"id": offer_id})
    return None if row is None else row["visit_id"]


OF_VISIT = SQL("""
SELECT visit_id FROM schedules WHERE id = %(id)s AND origin = 'offer' AND visit_id <> id
""")
