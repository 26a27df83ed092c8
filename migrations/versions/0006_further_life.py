"""Room for the further life of a visit: moves, arrivals, overbooking, shifts that close.

The build before goes on while this runs and after it. Whatever it does not write is filled by a
trigger or has a default. Its statements find every constraint under the name that it knows.

The table of Schedules is written anew and locked for that long: a generated column changes. The
locks are asked for in short tries, so nobody waits long behind a lock that is not granted yet.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

# Who waits longer for the lock than this goes to the back of the queue, and lets others pass.
ONE_TRY = "300ms"
BETWEEN_TRIES = 0.2
TRIES = 300

# An index that says `status = 'held'` would offer itself to every statement that says so (0005).
LIVE_AS = (
    "(CASE WHEN status = 'held' THEN 'hold' WHEN status IN ('confirmed', 'arrived') THEN 'visit'"
    " END)"
)
INDEXES = {
    "schedules_visit_once": (
        f"UNIQUE INDEX CONCURRENTLY schedules_visit_once ON schedules (visit_id, {LIVE_AS})"
        f" WHERE {LIVE_AS} IS NOT NULL"
    ),
    "notifications_once_for_each": (
        "UNIQUE INDEX CONCURRENTLY notifications_once_for_each"
        " ON notifications (event_id, audience, channel, doctor_id)"
    ),
}

NOTIFICATIONS = (
    # A move tells two doctors of one event. Each doctor's notice names that doctor.
    "ALTER TABLE notifications DROP CONSTRAINT notifications_once",
    """
    ALTER TABLE notifications ADD CONSTRAINT notifications_once
        UNIQUE USING INDEX notifications_once_for_each
    """,
    # What an event may be called stands in one table of the code.
    "ALTER TABLE events_in_doubt DROP CONSTRAINT events_in_doubt_kind",
)

SCHEDULES = (
    """
    ALTER TABLE schedules
        ADD COLUMN overbook boolean NOT NULL DEFAULT false,
        ADD COLUMN moves integer NOT NULL DEFAULT 0,
        ADD COLUMN confirmed_version integer,
        ADD COLUMN cancelled_version integer,
        ADD COLUMN attendance text,
        ADD COLUMN service_id uuid
    """,
    # One rewrite for all. USING fills the versions of the past without an UPDATE of every row: until
    # now a cancellation was the one change that a confirmed visit knew, and its last. A marked
    # overbooking is equal to no visit, so the doctor's rule has nothing to compare it with.
    """
    ALTER TABLE schedules
        ALTER COLUMN occupies SET EXPRESSION AS (
            CASE WHEN status IN ('held', 'confirmed', 'arrived')
                 THEN tstzrange(starts_at, ends_at) END
        ),
        ALTER COLUMN confirmed_version TYPE integer USING (
            CASE WHEN status = 'confirmed' THEN version
                 WHEN status = 'cancelled' AND confirmed_at IS NOT NULL THEN version - 1 END
        ),
        ALTER COLUMN cancelled_version TYPE integer USING (
            CASE WHEN status = 'cancelled' AND confirmed_at IS NOT NULL THEN version END
        ),
        ADD CONSTRAINT schedules_moves CHECK (moves >= 0),
        ADD CONSTRAINT schedules_attendance CHECK (attendance IN ('promised')),
        DROP CONSTRAINT schedules_doctor_free,
        ADD CONSTRAINT schedules_doctor_free EXCLUDE USING gist (
            practitioner_id WITH =,
            occupies WITH &&,
            (CASE WHEN NOT overbook THEN visit_id END) WITH <>
        )
    """,
    # A shift is cut around its visits in one transaction, which looks at the rule at its end.
    "ALTER TABLE schedules ALTER CONSTRAINT schedules_in_shift DEFERRABLE INITIALLY IMMEDIATE",
    """
    CREATE INDEX schedules_overbooked_idx ON schedules USING gist (practitioner_id, occupies)
        WHERE overbook
    """,
    """
    CREATE OR REPLACE FUNCTION complete_schedule() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' OR NEW.doctor_id <> OLD.doctor_id THEN
            SELECT practitioner_id, clinic_id INTO NEW.practitioner_id, NEW.clinic_id
            FROM doctors WHERE id = NEW.doctor_id;
        END IF;
        NEW.visit_id := coalesce(NEW.visit_id, NEW.id);
        NEW.updated_at := clock_timestamp();
        IF TG_OP = 'UPDATE' THEN
            NEW.revision := nextval('revisions');
        END IF;
        IF NEW.status = 'confirmed' THEN
            NEW.confirmed_version := coalesce(NEW.confirmed_version, NEW.version);
        ELSIF NEW.status = 'cancelled' AND NEW.confirmed_version IS NOT NULL THEN
            NEW.cancelled_version := coalesce(NEW.cancelled_version, NEW.version);
        END IF;
        RETURN NEW;
    END
    $$
    """,
    # No constraint can say who came first, and only who comes later has to be marked. Two that come
    # at once are as good as one after the other, so this needs no lock.
    """
    CREATE FUNCTION refuse_unmarked_overbooking() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT FROM schedules s
            WHERE s.overbook AND s.practitioner_id = NEW.practitioner_id
              AND s.occupies && NEW.occupies AND s.visit_id <> NEW.visit_id
              AND (s.status <> 'held' OR s.held_until > clock_timestamp())
        ) THEN
            RAISE EXCEPTION 'an overbooked visit stands there already'
                USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'schedules_doctor_free';
        END IF;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER schedules_comes_unmarked AFTER INSERT ON schedules
    FOR EACH ROW WHEN (NEW.occupies IS NOT NULL AND NOT NEW.overbook)
    EXECUTE FUNCTION refuse_unmarked_overbooking()
    """,
    """
    CREATE TRIGGER schedules_becomes_unmarked
    AFTER UPDATE OF status, starts_at, ends_at, doctor_id, practitioner_id, overbook ON schedules
    FOR EACH ROW WHEN (
        NEW.occupies IS NOT NULL AND NOT NEW.overbook AND (
            OLD.occupies IS NULL OR OLD.overbook OR NOT OLD.occupies @> NEW.occupies
            OR OLD.practitioner_id <> NEW.practitioner_id
        )
    )
    EXECUTE FUNCTION refuse_unmarked_overbooking()
    """,
    # A shift that closes takes no holds; its visits stay until each has another time.
    """
    ALTER TABLE shifts
        ADD COLUMN state text NOT NULL DEFAULT 'open',
        ADD CONSTRAINT shifts_state CHECK (state IN ('open', 'closing'))
    """,
)


def upgrade() -> None:
    """The indexes first, beside the bookings; then all else in one transaction."""
    with op.get_context().autocommit_block():
        for name, index in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE {index}")
    op.execute(_lock("notifications, events_in_doubt, schedules, shifts"))
    for statement in (*NOTIFICATIONS, *SCHEDULES):
        op.execute(statement)


def _lock(tables: str) -> str:
    """A try that fails gives back what it has got of the locks."""
    return f"""
    DO $$
    BEGIN
        SET LOCAL lock_timeout = '{ONE_TRY}';
        FOR i IN 1 .. {TRIES} LOOP
            BEGIN
                LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE;
                RETURN;
            EXCEPTION WHEN lock_not_available THEN
                PERFORM pg_sleep({BETWEEN_TRIES});
            END;
        END LOOP;
        RAISE EXCEPTION 'no lock on {tables}' USING ERRCODE = 'lock_not_available';
    END
    $$
    """
