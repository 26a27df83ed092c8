"""Campaigns as rows have them: who is affected, and where each of them stands.

The rows are the truth. Whether a visit was moved or cancelled, by whomever, its own row says; what
became of an offer, the row of the offer says. So the parts of a campaign always add up.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from psycopg.sql import SQL

from adapters.postgres.acting import ACTING, told
from adapters.postgres.direct import Cursor
from adapters.postgres.plan_rows import Affected
from adapters.postgres.rows import Row
from domain.actors import ActorRef
from domain.errors import CampaignNotFound
from domain.permissions import LetIn, Whose
from domain.plan_exceptions import Policy


class Part(StrEnum):
    """Where a visit of a campaign stands: in one of these."""

    MOVED = "moved"
    CANCELLED = "cancelled"
    ASKED = "asked"
    DECLINED = "declined"
    SILENT = "silent"
    WITHOUT_CONTACT = "withoutContact"
    LEFT = "left"


class Pace(StrEnum):
    """What a campaign does."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    DONE = "done"


TO_CALL = (Part.SILENT, Part.DECLINED, Part.WITHOUT_CONTACT)
"""Whom nothing but a call reaches any more."""

# Who has declined one time has declined, though others are offered.
PART = """CASE
    WHEN s.status = 'cancelled' THEN 'cancelled'
    WHEN (s.doctor_id, s.starts_at) <> (v.doctor_id, v.starts_at) THEN 'moved'
    WHEN v.state = 'without_contact' THEN 'withoutContact'
    WHEN v.round > 1 THEN 'declined'
    WHEN v.state = 'asked' AND o.status = 'cancelled' THEN 'declined'
    WHEN v.state = 'asked' AND o.held_until <= clock_timestamp() THEN 'silent'
    ELSE v.state END"""

JOINED = """campaign_visits v JOIN schedules s ON s.id = v.appointment_id
    LEFT JOIN schedules o ON o.id = v.offer_id"""

OF_DIGEST = SQL("""
SELECT id, exception_id, plan_id FROM campaigns WHERE digest = %(digest)s
""")

BEGIN = SQL(f"""
INSERT INTO campaigns (id, clinic_id, doctor_id, exception_id, plan_id, digest, policy)
SELECT %(id)s, %(clinic_id)s, CAST(%(doctor_id)s AS uuid), CAST(%(exception_id)s AS uuid),
    CAST(%(plan_id)s AS uuid), %(digest)s, %(policy)s
WHERE {ACTING}
""")

ADD = SQL("""
INSERT INTO campaign_visits (campaign_id, appointment_id, doctor_id, starts_at, state)
SELECT %(id)s, s.id, s.doctor_id, s.starts_at,
    CASE WHEN p.without_contact THEN 'without_contact' ELSE 'left' END
FROM schedules s JOIN patient_facts p ON p.id = s.patient_id WHERE s.id = ANY(%(visits)s)
""")

ONE = SQL("""
SELECT c.id, c.clinic_id, c.state, c.policy, d.practitioner_id, d.full_name AS doctor,
    e.wall_from, e.wall_until
FROM campaigns c LEFT JOIN doctors d ON d.id = c.doctor_id
    LEFT JOIN exceptions e ON e.id = c.exception_id
WHERE c.id = %(campaign_id)s
""")

COUNT = SQL(f"""
SELECT part, count(*) AS visits, count(*) FILTER (WHERE is_offered) AS offered FROM (
    SELECT {PART} AS part, o.status = 'held' AND o.held_until > clock_timestamp() AS is_offered
    FROM {JOINED} WHERE v.campaign_id = %(campaign_id)s
) parts GROUP BY part
""")  # noqa: S608 - our own words, as below

VISITS = SQL(f"""
SELECT * FROM (
    SELECT v.appointment_id, s.patient_id, v.doctor_id, v.starts_at, v.offer_id, v.answer_until,
        o.starts_at AS offered_at, s.starts_at AS is_at, {PART} AS part
    FROM {JOINED} WHERE v.campaign_id = %(campaign_id)s
) visits
WHERE (CAST(%(parts)s AS text[]) IS NULL OR part = ANY(%(parts)s))
  AND (CAST(%(after)s AS timestamptz) IS NULL
       OR (starts_at, appointment_id) > (%(after)s, CAST(%(after_id)s AS uuid)))
ORDER BY starts_at, appointment_id LIMIT %(limit)s
""")  # noqa: S608

SET_PACE = SQL(f"""
UPDATE campaigns SET state = %(state)s, version = version + 1
WHERE id = %(campaign_id)s AND state <> %(state)s AND state <> 'stopped' AND {ACTING}
""")  # noqa: S608


@dataclass(frozen=True, kw_only=True)
class NewCampaign:
    """For whom it is, and why: an exception or a plan."""

    clinic_id: UUID
    doctor_id: UUID | None
    digest: str
    policy: Policy
    affected: Sequence[Affected]
    exception_id: UUID | None = None
    plan_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Known:
    """A campaign that a digest has made."""

    campaign_id: UUID
    exception_id: UUID | None
    plan_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """How a campaign stands."""

    campaign_id: UUID
    clinic_id: UUID
    practitioner_id: UUID | None
    policy: Policy
    pace: Pace
    parts: dict[Part, int]
    asked_again: int
    """So many of those who have declined are offered another time."""
    doctor: str | None = None
    """Null where it is of a whole clinic."""
    closed: tuple[datetime, datetime] | None = None
    """By the clinic's wall clock; null where a new plan is the cause."""

    @property
    def total(self) -> int:
        return sum(self.parts.values())


@dataclass(frozen=True, kw_only=True)
class CampaignVisit:
    """One visit of a campaign; its time is the one that it was to leave."""

    appointment_id: UUID
    patient_id: UUID
    doctor_id: UUID
    starts_at: datetime
    offer_id: UUID | None
    answer_until: datetime | None
    part: Part
    offered_at: datetime | None = None
    is_at: datetime | None = None
    """Where it is now, which is another time once it is moved."""


async def campaign_of_digest(connection: Cursor, digest: str) -> Known | None:
    row = await connection.one_or_none(OF_DIGEST, {"digest": digest})
    if row is None:
        return None
    return Known(campaign_id=row["id"], exception_id=row["exception_id"], plan_id=row["plan_id"])


async def begin_campaign(connection: Cursor, campaign: NewCampaign, actor: ActorRef) -> UUID:
    """As part of the transaction that closes the time. Who cannot be told is called at once."""
    campaign_id = uuid4()
    asked = {**vars(campaign), "policy": campaign.policy.value}
    await connection.write(BEGIN, {**asked, "id": campaign_id, "actor": told(actor)})
    visits = [each.appointment_id for each in campaign.affected if not each.is_held]
    await connection.write(ADD, {"id": campaign_id, "visits": visits})
    return campaign_id


async def find_campaign(
    connection: Cursor, campaign_id: UUID, let_in: LetIn | None = None
) -> Campaign:
    """Raises `CampaignNotFound`. `let_in` refuses before anything of it is counted."""
    asked = {"campaign_id": campaign_id}
    row = await connection.one_or_none(ONE, asked)
    if row is None:
        raise CampaignNotFound
    if let_in is not None:
        let_in(Whose(clinic_id=row["clinic_id"], practitioner_id=row["practitioner_id"]))
    counted = await connection.all(COUNT, asked)
    parts = dict.fromkeys(Part, 0) | {Part(each["part"]): each["visits"] for each in counted}
    asked_again = sum(each["offered"] for each in counted if each["part"] == Part.DECLINED)
    pace = Pace(row["state"])
    if pace is Pace.RUNNING and not parts[Part.LEFT] + parts[Part.ASKED] + asked_again:
        pace = Pace.DONE
    return Campaign(
        campaign_id=row["id"],
        clinic_id=row["clinic_id"],
        practitioner_id=row["practitioner_id"],
        policy=Policy(row["policy"]),
        pace=pace,
        parts=parts,
        asked_again=asked_again,
        doctor=row["doctor"],
        closed=(row["wall_from"], row["wall_until"]) if row["wall_from"] else None,
    )


async def set_pace(connection: Cursor, campaign_id: UUID, pace: Pace, actor: ActorRef) -> None:
    """Idempotent. What was stopped stays so."""
    asked = {"campaign_id": campaign_id, "state": pace.value, "actor": told(actor)}
    await connection.write(SET_PACE, asked)


async def visits_of(
    connection: Cursor,
    campaign_id: UUID,
    *,
    parts: Collection[Part] | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[CampaignVisit]:
    """In the order of their times, of some parts if asked for."""
    instant, appointment_id = after or (None, None)
    asked = {
        "campaign_id": campaign_id,
        "parts": None if parts is None else [each.value for each in parts],
        "after": instant,
        "after_id": appointment_id,
        "limit": limit,
    }
    return [campaign_visit(row) for row in await connection.all(VISITS, asked)]


def campaign_visit(row: Row) -> CampaignVisit:
    return CampaignVisit(
        appointment_id=row["appointment_id"],
        patient_id=row["patient_id"],
        doctor_id=row["doctor_id"],
        starts_at=row["starts_at"],
        offer_id=row["offer_id"],
        answer_until=row["answer_until"],
        part=Part(row["part"]),
        offered_at=row["offered_at"],
        is_at=row["is_at"],
    )
