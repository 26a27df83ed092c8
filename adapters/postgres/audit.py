"""What the audit asks of PostgreSQL. Each statement reads by an index, and no more than its batch.

Two of them look at what has changed since the last audit: `audit_progress` says how far it came.
They go back a little further than that, since a row is seen when its transaction commits, which may
be later than the instant that stands in it. `statement_timestamp()` stays the same throughout a
statement, so an index can be searched by it; `clock_timestamp()` does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import TextClause, text
from sqlalchemy.engine import RowMapping

from adapters.postgres.acting import ACTING_BY_NAME, told
from adapters.postgres.database import Database
from adapters.postgres.made_moves import MadeMove, made_move, placement_before
from adapters.postgres.rows import COLUMNS, appointment_of
from adapters.postgres.tables import LAPSES_AT
from domain.actors import SYSTEM
from domain.audit import AuditOrder, Touched
from domain.booking import Appointment, Placement
from domain.events import (
    EVENT_KINDS,
    AppointmentEvent,
    EventType,
    appointment_rescheduled,
    event_of,
    type_named,
)

HOLDS_EXPIRED = 500
HOLDS_LOOKED_AT = 1000
CHANGES_SWEPT = 10_000
DOUBTS_LOOKED_AT = 1000

LATE_COMMIT = "2 minutes"
"""A sweep goes back by this much."""

LOOK_BACK = "1 day"
"""An event that is missing longer is not looked for: Temporal has forgotten its run by then."""

# Nobody has come so far as tomorrow: the clock was wrong, and what has changed since it was set
# right lies before that place.
COME_SO_FAR = f"""(
    CASE WHEN p.swept_until <= statement_timestamp() THEN p.swept_until
         ELSE statement_timestamp() - interval '{LOOK_BACK}' END
)"""

DOUBTS_KEPT = "1 hour"
"""A settled doubt is remembered while a sweep may come upon the same event again."""

# Five seconds: a confirmation that came in time has its grace, and the run itself goes first. Their
# ids are asked for as one value, or a join might read the whole table.
EXPIRE_LAPSED = text(f"""
WITH lapsed AS (
    SELECT id FROM schedules
    WHERE {LAPSES_AT} <= statement_timestamp() - interval '5 seconds'
    ORDER BY {LAPSES_AT} LIMIT :batch
    FOR UPDATE SKIP LOCKED
)
UPDATE schedules SET status = 'expired', version = version + 1
WHERE id = ANY(ARRAY(SELECT id FROM lapsed)) AND {ACTING_BY_NAME}
RETURNING id, doctor_id, starts_at, ends_at
""")  # noqa: S608 - our own words, as below

# Those that last longest: the others are free for everybody sooner than an audit comes again.
OPEN_HOLDS = text(f"""
SELECT id, doctor_id, starts_at, ends_at, version FROM schedules
WHERE {LAPSES_AT} > statement_timestamp() AND origin <> 'offer'
  AND updated_at <= statement_timestamp() - make_interval(secs => :settled_after)
ORDER BY {LAPSES_AT} DESC LIMIT :batch
""")  # noqa: S608

GIVE_BACK = text(f"""
UPDATE schedules SET status = 'expired', version = version + 1
WHERE id = :id AND status = 'held' AND version = :version AND {ACTING_BY_NAME}
RETURNING id
""")  # noqa: S608

# The doctor's notice is the sign that an event was received: it has a row for every event. Asked as
# one value, since EXISTS may become a join, for which the planner would read the whole table.
NOTICE = """(
    SELECT n.id FROM notifications n
    WHERE n.appointment_id = {about}.appointment_id AND n.audience = 'doctor'
      AND n.sequence = {about}.sequence AND n.kind = {about}.kind
    LIMIT 1
)"""

# The row keeps the version and the instant of each change that is announced; of moves, every one is
# kept beside it. A row that has changed tells nothing of an older change: its notice may have been
# forgotten, which is a day after the change at the soonest.
CHANGES = ", ".join(
    f"('{kind.name}', s.{kind.name}_version, s.{kind.name}_at)"
    for kind in EVENT_KINDS.values()
    if kind.of_visit
)

SWEEP_EVENTS = text(f"""
WITH sweep AS (
    SELECT greatest({COME_SO_FAR} - interval '{LATE_COMMIT}',
                    statement_timestamp() - interval '{LOOK_BACK}') AS since,
           least(statement_timestamp() - make_interval(secs => :settled_after),
                 (SELECT c.updated_at FROM schedules c
                  WHERE c.updated_at > greatest({COME_SO_FAR},
                                                statement_timestamp() - interval '{LOOK_BACK}')
                  ORDER BY c.updated_at OFFSET :batch LIMIT 1)) AS until
    FROM audit_progress p WHERE p.sweep = 'events' FOR UPDATE
), due AS (
    SELECT s.id AS appointment_id, event.sequence, event.kind
    FROM sweep JOIN schedules s ON s.updated_at > sweep.since AND s.updated_at <= sweep.until
    CROSS JOIN LATERAL (
        VALUES {CHANGES}
        UNION SELECT 'rescheduled', m.version, m.moved_at FROM moves m
        WHERE m.appointment_id = s.id
    ) AS event (kind, sequence, happened_at)
    WHERE s.confirmed_at IS NOT NULL AND event.sequence IS NOT NULL
      AND event.happened_at > statement_timestamp() - interval '{LOOK_BACK}'
      AND event.sequence > coalesce(
          (SELECT i.version FROM imported i WHERE i.appointment_id = s.id), 0)
), noted AS (
    INSERT INTO events_in_doubt (appointment_id, sequence, kind)
    SELECT appointment_id, sequence, kind FROM due
    WHERE {NOTICE.format(about="due")} IS NULL
    ON CONFLICT DO NOTHING
), swept AS (
    UPDATE audit_progress p SET swept_until = greatest({COME_SO_FAR}, sweep.until)
    FROM sweep WHERE p.sweep = 'events'
)
SELECT count(*) FROM due
""")  # noqa: S608

SETTLE_RECEIVED = text(f"""
UPDATE events_in_doubt d SET settled_at = clock_timestamp()
WHERE d.settled_at IS NULL AND {NOTICE.format(about="d")} IS NOT NULL
""")  # noqa: S608

# Those not looked at for longest: one that cannot be settled must not stand before the others.
DOUBTS = text(f"""
WITH next AS (
    SELECT appointment_id, sequence, kind FROM events_in_doubt
    WHERE settled_at IS NULL ORDER BY looked_at NULLS FIRST, sequence LIMIT :batch
), looked_at AS (
    UPDATE events_in_doubt d SET looked_at = clock_timestamp()
    FROM next WHERE (d.appointment_id, d.sequence) = (next.appointment_id, next.sequence)
)
SELECT next.sequence, next.kind, to_json(made) AS made, to_json(following) AS following, {COLUMNS}
FROM next JOIN schedules s ON s.id = next.appointment_id
LEFT JOIN moves made ON made.appointment_id = s.id AND made.version = next.sequence
LEFT JOIN LATERAL (
    SELECT m.* FROM moves m WHERE m.appointment_id = s.id AND m.version > next.sequence
    ORDER BY m.version LIMIT 1
) following ON s.moves > 0
ORDER BY next.sequence
""")  # noqa: S608

SETTLE = text("""
UPDATE events_in_doubt SET settled_at = clock_timestamp()
WHERE appointment_id = :appointment_id AND sequence = :sequence AND settled_at IS NULL
""")

FORGET_SETTLED = text(f"""
DELETE FROM events_in_doubt WHERE settled_at <= statement_timestamp() - interval '{DOUBTS_KEPT}'
""")  # noqa: S608


@dataclass(frozen=True, kw_only=True)
class OpenHold:
    """A hold that lasts, as it was read; its version fences what is done about it."""

    touched: Touched
    version: int


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """An event that nobody was seen to receive, and its appointment as it is now.

    `standing` is where the visit stood then, if it has been moved since; `made` the move itself,
    if it is about one.
    """

    sequence: int
    type: EventType
    appointment: Appointment
    standing: Placement | None = None
    made: MadeMove | None = None

    @property
    def is_overtaken(self) -> bool:
        """Whether the visit has changed since: its run may have ended without this event."""
        return self.sequence != self.appointment.version

    @property
    def run(self) -> str:
        """The id of the run that has to announce it."""
        return EVENT_KINDS[self.type].announced_by(self.appointment.appointment_id, self.sequence)

    @property
    def touched(self) -> Touched:
        return Touched(
            appointment_id=self.appointment.appointment_id,
            doctor_id=self.appointment.doctor_id,
            starts_at=self.appointment.starts_at,
            ends_at=self.appointment.ends_at,
        )

    @property
    def event(self) -> AppointmentEvent:
        """As the run would have published it, with the same id."""
        status = EVENT_KINDS[self.type].status
        then = replace(self.appointment, status=status, version=self.sequence)
        if self.standing is not None:
            then = replace(then, **vars(self.standing))
        if self.made is None:
            return event_of(self.type, then)
        then = replace(then, rescheduled_at=self.made.moved_at)
        return appointment_rescheduled(then, self.made.previous)


async def expire_lapsed_holds(database: Database) -> list[Touched]:
    rows = await _all(database, EXPIRE_LAPSED, batch=HOLDS_EXPIRED, actor=told(SYSTEM))
    return [touched(row) for row in rows]


async def open_holds(database: Database, order: AuditOrder) -> list[OpenHold]:
    rows = await _all(
        database, OPEN_HOLDS, batch=HOLDS_LOOKED_AT, settled_after=order.settled_after_seconds
    )
    return [OpenHold(touched=touched(row), version=row["version"]) for row in rows]


async def give_back(database: Database, hold: OpenHold) -> bool:
    """False if the appointment has changed since it was read."""
    key = {
        "id": hold.touched.appointment_id,
        "version": hold.version,
        "actor": told(SYSTEM),
    }
    return bool(await _all(database, GIVE_BACK, **key))


async def doubtful_events(database: Database, order: AuditOrder) -> list[Doubt]:
    """Note what is missing among what has changed, settle what has come, and read the rest."""
    await _all(
        database, SWEEP_EVENTS, settled_after=order.settled_after_seconds, batch=CHANGES_SWEPT
    )
    await _run(database, SETTLE_RECEIVED)
    await _run(database, FORGET_SETTLED)
    return [_doubt(row) for row in await _all(database, DOUBTS, batch=DOUBTS_LOOKED_AT)]


def _doubt(row: RowMapping) -> Doubt:
    following, made = row["following"], row["made"]
    return Doubt(
        sequence=row["sequence"],
        type=type_named(row["kind"]),
        appointment=appointment_of(row),
        standing=None if following is None else placement_before(following),
        made=None if made is None else made_move(made),
    )


async def settle(database: Database, doubt: Doubt) -> None:
    """Somebody has announced it: nothing is left to do."""
    await _run(
        database,
        SETTLE,
        appointment_id=doubt.appointment.appointment_id,
        sequence=doubt.sequence,
    )


def touched(row: RowMapping) -> Touched:
    return Touched(
        appointment_id=row["id"],
        doctor_id=row["doctor_id"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
    )


async def _all(database: Database, statement: TextClause, **values: object) -> Sequence[RowMapping]:
    async with database.connect() as connection:
        return (await connection.execute(statement, values)).mappings().all()


async def _run(database: Database, statement: TextClause, **values: object) -> None:
    async with database.connect() as connection:
        await connection.execute(statement, values)
