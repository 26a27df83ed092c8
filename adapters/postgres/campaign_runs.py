"""What the run of a campaign asks of the rows, and which runs have news to hear of."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from psycopg.sql import SQL

from adapters.postgres.campaign_rows import find_campaign
from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor
from adapters.postgres.exception_rows import MORE_THAN_ANY_OFFSET
from adapters.postgres.reads import read_by_cursor
from adapters.postgres.rows import Row
from adapters.postgres.transactions import serializable
from domain.campaign import CampaignLook, CampaignOrder, ReofferOrder

WINDOW = 20
"""So many are asked at once."""

SEEN = SQL("""
UPDATE campaigns SET seen_version = version
WHERE id = %(campaign_id)s AND seen_version IS DISTINCT FROM version
""")

# What stands in the time that the campaign's exception or plan has closed. A plan does not say what
# it took: it is what closes there, but for what an exception took, or another campaign has. A hold
# from before can still be confirmed.
CLOSED = """(
    SELECT c.id AS campaign_id, s.id, s.patient_id, s.doctor_id, s.starts_at, s.status,
        s.held_until, s.moves
    FROM campaigns c JOIN exceptions e ON e.id = c.exception_id AND e.kind = 'remove'
    JOIN exception_spans w ON w.exception_id = e.id
    JOIN schedules s ON s.doctor_id = w.doctor_id AND s.occupies && w.during
        AND s.starts_at >= lower(w.during) - interval '8 hours' AND s.starts_at < upper(w.during)
    WHERE c.id = %(campaign_id)s AND e.withdrawn_at IS NULL
    UNION ALL
    SELECT c.id, s.id, s.patient_id, s.doctor_id, s.starts_at, s.status, s.held_until, s.moves
    FROM campaigns c JOIN schedules s ON s.doctor_id = c.doctor_id
        AND s.starts_at > (SELECT clock_timestamp()) AND s.created_at < c.created_at
        AND (s.status = 'held' OR s.confirmed_at > c.created_at)
    WHERE c.id = %(campaign_id)s AND c.plan_id IS NOT NULL
      AND EXISTS (
          SELECT FROM shifts w WHERE w.doctor_id = s.doctor_id AND w.during && s.occupies
            AND w.state = 'closing'
      ) AND NOT EXISTS (
          SELECT FROM exception_spans w
          WHERE w.doctor_id = s.doctor_id AND w.during && s.occupies AND w.exception_id = ANY(ARRAY(
              SELECT e.id FROM exceptions e
              WHERE e.clinic_id = c.clinic_id AND e.kind = 'remove' AND e.withdrawn_at IS NULL
                AND e.wall_until > CAST(%(since)s AS timestamp)
          ))
      ) AND NOT EXISTS (
          SELECT FROM campaign_visits v JOIN campaigns o ON o.id = v.campaign_id
          WHERE v.appointment_id = s.id AND o.id <> c.id AND o.state <> 'stopped'
      )
) s"""

TAKE_IN = SQL(f"""
INSERT INTO campaign_visits (campaign_id, appointment_id, doctor_id, starts_at, state)
SELECT s.campaign_id, s.id, s.doctor_id, s.starts_at,
    CASE WHEN p.without_contact THEN 'without_contact' ELSE 'left' END
FROM {CLOSED} JOIN patient_facts p ON p.id = s.patient_id
WHERE s.status = 'confirmed' AND s.starts_at > clock_timestamp() AND s.moves = 0
ON CONFLICT DO NOTHING
""")  # noqa: S608 - our own words, as below

OPEN_HOLDS = SQL(f"""
SELECT count(*) AS holds FROM {CLOSED}
WHERE s.status = 'held' AND s.held_until > clock_timestamp()
""")  # noqa: S608

# Who was not asked before the visit began, or came to it, is asked no more: a run that waited for
# them would have no end. Whoever cancelled or moved counts by the visit's own row all the same.
TOO_LATE = SQL("""
UPDATE campaign_visits v SET state = 'silent' FROM schedules s
WHERE v.campaign_id = %(campaign_id)s AND v.state = 'left' AND s.id = v.appointment_id
  AND (s.starts_at <= clock_timestamp() OR s.status <> 'confirmed')
""")

NEXT = SQL("""
SELECT v.appointment_id FROM campaign_visits v JOIN schedules s ON s.id = v.appointment_id
WHERE v.campaign_id = %(campaign_id)s AND v.state = 'left' AND s.status = 'confirmed'
  AND (s.doctor_id, s.starts_at) IS NOT DISTINCT FROM (v.doctor_id, v.starts_at)
  AND s.starts_at > clock_timestamp() AND v.appointment_id <> ALL(%(in_flight)s)
ORDER BY v.starts_at, v.appointment_id LIMIT %(limit)s
""")

UNSEEN = SQL("""
SELECT id FROM campaigns WHERE seen_version IS DISTINCT FROM version ORDER BY id LIMIT 100
""")

# Whose run must be at work. Some campaigns a week: they are read whole, and those who are left one
# campaign at a time.
WITH_SOMEBODY_LEFT = SQL("""
SELECT c.id FROM campaigns c
WHERE c.state = 'running' AND c.created_at > statement_timestamp() - interval '1 year'
  AND (
    SELECT v.appointment_id FROM campaign_visits v JOIN schedules s ON s.id = v.appointment_id
    WHERE v.campaign_id = c.id AND v.state = 'left' AND s.status = 'confirmed'
      AND (s.doctor_id, s.starts_at) IS NOT DISTINCT FROM (v.doctor_id, v.starts_at)
      AND s.starts_at > statement_timestamp()
    LIMIT 1
  ) IS NOT NULL
""")

# Whose run must wait for the answer. Temporal shows in its list what it has begun minutes ago. Who
# has a message of the offer was asked; a run that was lost before it said anything has to say it.
# Where the visit is cancelled or elsewhere, its offer is held no more.
UNANSWERED = SQL("""
SELECT v.campaign_id, v.appointment_id, v.round, EXISTS (
    SELECT FROM notifications n WHERE n.appointment_id = v.offer_id AND n.audience = 'patient'
) AS is_asked
FROM campaign_visits v JOIN campaigns c ON c.id = v.campaign_id
JOIN schedules o ON o.id = v.offer_id
WHERE v.state = 'asked' AND NOT v.answer_heard AND o.status = 'held' AND c.state <> 'stopped'
  AND v.asked_at < statement_timestamp() - interval '2 minutes'
""")

# An offer that is held no more was taken or declined, or its visit went elsewhere.
ANSWERED = SQL("""
SELECT v.campaign_id, v.appointment_id, v.round
FROM campaign_visits v JOIN schedules o ON o.id = v.offer_id
WHERE v.state = 'asked' AND NOT v.answer_heard AND o.status <> 'held' LIMIT 100
""")

HEARD = SQL("""
UPDATE campaign_visits SET answer_heard = true
WHERE campaign_id = %(campaign_id)s AND appointment_id = %(appointment_id)s AND round = %(round)s
""")


async def look_at_campaign(database: Database, order: CampaignOrder) -> CampaignLook:
    """Raises `CampaignNotFound`."""
    return await serializable(database, partial(_look, order=order))


async def unseen_campaigns(database: Database) -> list[UUID]:
    """Those whose runs have yet to hear that they begin, or of another pace."""
    rows = await read_by_cursor(database, lambda cursor: cursor.all(UNSEEN, {}))
    return [row["id"] for row in rows]


async def unfinished_campaigns(database: Database) -> list[UUID]:
    """Those that have somebody to ask yet."""
    rows = await read_by_cursor(database, lambda cursor: cursor.all(WITH_SOMEBODY_LEFT, {}))
    return [row["id"] for row in rows]


async def answered_offers(database: Database) -> list[ReofferOrder]:
    """Those whose runs have yet to hear of the answer."""
    rows = await read_by_cursor(database, lambda cursor: cursor.all(ANSWERED, {}))
    return [_order_of(row) for row in rows]


async def unanswered_offers(database: Database) -> list[ReofferOrder]:
    """Those whose runs wait, for some minutes at least, as a run goes on that has asked."""
    rows = await read_by_cursor(database, lambda cursor: cursor.all(UNANSWERED, {}))
    return [replace(_order_of(row), is_asked=row["is_asked"]) for row in rows]


async def heard_of_answer(database: Database, order: ReofferOrder) -> None:
    """Of this round. Idempotent."""
    await serializable(database, lambda cursor: cursor.write(HEARD, vars(order)))


def _order_of(row: Row) -> ReofferOrder:
    return ReofferOrder(
        campaign_id=row["campaign_id"],
        appointment_id=row["appointment_id"],
        round=row["round"],
    )


async def _look(connection: Cursor, *, order: CampaignOrder) -> CampaignLook:
    asked = {
        "campaign_id": order.campaign_id,
        "in_flight": order.in_flight,
        "limit": max(0, WINDOW - len(order.in_flight)),
        "since": (datetime.now(UTC) - MORE_THAN_ANY_OFFSET).replace(tzinfo=None),
    }
    await connection.write(SEEN, asked)
    await connection.write(TAKE_IN, asked)
    await connection.write(TOO_LATE, asked)
    holds = await connection.one(OPEN_HOLDS, asked)
    campaign = await find_campaign(connection, order.campaign_id)
    to_ask = await connection.all(NEXT, asked)
    return CampaignLook(
        pace="running" if campaign.pace.value == "done" else campaign.pace.value,
        parts={part.value: count for part, count in campaign.parts.items()},
        to_ask=[row["appointment_id"] for row in to_ask],
        open_holds=holds["holds"] + campaign.asked_again,
    )
