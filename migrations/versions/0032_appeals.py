"""Marks of missed visits that their patients ask the clinic to look at again.

A mark that is taken back has answered it, whoever takes it back. Additive: the build before
neither reads nor writes it.
"""

from alembic import op

revision = "0032"
down_revision = "0031"

# As in 0006: who waits longer for the lock than this goes to the back of the queue.
ONE_TRY = "300ms"
BETWEEN_TRIES = 0.2
TRIES = 300

APPEALS = (
    """
    CREATE TABLE appeals (
        appointment_id uuid NOT NULL CONSTRAINT appeals_appointment_id_fkey
            REFERENCES schedules (id) ON DELETE CASCADE,
        version integer NOT NULL,
        clinic_id uuid NOT NULL
            CONSTRAINT appeals_clinic_id_fkey REFERENCES clinics (id),
        asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        decided_at timestamptz,
        kept_because text CONSTRAINT appeals_kept_because
            CHECK (kept_because IN ('not_seen', 'came_too_late', 'other')),
        CONSTRAINT appeals_pkey PRIMARY KEY (appointment_id, version),
        CONSTRAINT appeals_kept_is_decided CHECK (kept_because IS NULL OR decided_at IS NOT NULL)
    )
    """,
    "CREATE INDEX appeals_open_idx ON appeals (clinic_id, asked_at) WHERE decided_at IS NULL",
    """
    CREATE FUNCTION answer_appeal() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE appeals SET decided_at = clock_timestamp()
        WHERE appointment_id = NEW.id AND decided_at IS NULL;
        RETURN NULL;
    END
    $$
    """,
)

TRIGGER = """
CREATE TRIGGER schedules_mark_taken_back AFTER UPDATE OF status ON schedules
FOR EACH ROW WHEN (OLD.status = 'no_show' AND NEW.status <> 'no_show')
EXECUTE FUNCTION answer_appeal()
"""

LOCK = f"""
DO $$
BEGIN
    SET LOCAL lock_timeout = '{ONE_TRY}';
    FOR i IN 1 .. {TRIES} LOOP
        BEGIN
            LOCK TABLE schedules IN SHARE ROW EXCLUSIVE MODE;
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep({BETWEEN_TRIES});
        END;
    END LOOP;
    RAISE EXCEPTION 'no lock on schedules' USING ERRCODE = 'lock_not_available';
END
$$
"""


def upgrade() -> None:
    op.execute(LOCK)
    for statement in (*APPEALS, TRIGGER):
        op.execute(statement)
