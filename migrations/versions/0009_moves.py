"""Moves of visits: the row keeps the latest, a table every one, whoever moved the visit.

Additive: the build before writes neither, and the trigger acts on what it never does.
"""

from alembic import op

revision = "0009"
down_revision = "0008"

STATEMENTS = (
    """
    ALTER TABLE schedules
        ADD COLUMN rescheduled_version integer,
        ADD COLUMN rescheduled_at timestamptz
    """,
    """
    CREATE TABLE moves (
        appointment_id uuid NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
        version integer NOT NULL,
        moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        doctor_id uuid NOT NULL,
        clinic_id uuid NOT NULL,
        starts_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL,
        previous_doctor_id uuid NOT NULL,
        previous_clinic_id uuid NOT NULL,
        previous_starts_at timestamptz NOT NULL,
        previous_ends_at timestamptz NOT NULL,
        PRIMARY KEY (appointment_id, version)
    )
    """,
    # Triggers of one event run in the order of their names: this one sees what the others made.
    """
    CREATE FUNCTION note_move() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.rescheduled_version := NEW.version;
        NEW.rescheduled_at := clock_timestamp();
        NEW.moves := OLD.moves + 1;
        NEW.attendance := NULL;
        INSERT INTO moves VALUES (
            NEW.id, NEW.version, NEW.rescheduled_at,
            NEW.doctor_id, NEW.clinic_id, NEW.starts_at, NEW.ends_at,
            OLD.doctor_id, OLD.clinic_id, OLD.starts_at, OLD.ends_at
        );
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER schedules_was_moved
    BEFORE UPDATE OF doctor_id, starts_at, ends_at ON schedules
    FOR EACH ROW WHEN (
        OLD.status = 'confirmed' AND NEW.status = 'confirmed'
        AND (OLD.doctor_id, OLD.starts_at, OLD.ends_at)
            IS DISTINCT FROM (NEW.doctor_id, NEW.starts_at, NEW.ends_at)
    )
    EXECUTE FUNCTION note_move()
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
