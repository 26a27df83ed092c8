"""Revisions by the clock: a restored database repeats none that was given out after its backup.

A sequence goes back with the restore, and a day could then have the version of another one. Time
goes on. Two changes of one row in one microsecond are still told apart.

Only functions and defaults are replaced: no row is written. The build before counts new shifts by
the sequence, so it stays until a migration after this build.
"""

from alembic import op

revision = "0017"
down_revision = "0016"

STATEMENTS = (
    """
    CREATE FUNCTION new_revision() RETURNS bigint LANGUAGE sql VOLATILE PARALLEL SAFE
    AS $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint $$
    """,
    """
    CREATE OR REPLACE FUNCTION complete_schedule() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        promised schedules;
    BEGIN
        IF TG_OP = 'INSERT' OR NEW.doctor_id <> OLD.doctor_id THEN
            SELECT practitioner_id, clinic_id INTO NEW.practitioner_id, NEW.clinic_id
            FROM doctors WHERE id = NEW.doctor_id;
        END IF;
        NEW.visit_id := coalesce(NEW.visit_id, NEW.id);
        IF TG_OP = 'UPDATE' THEN
            IF NEW.attendance IS DISTINCT FROM OLD.attendance THEN
                promised := OLD;
                promised.attendance := NEW.attendance;
                promised.during := NEW.during;
                promised.occupies := NEW.occupies;
            END IF;
            IF promised IS DISTINCT FROM NEW THEN
                NEW.version := greatest(NEW.version, OLD.version + 1);
            END IF;
            NEW.revision := greatest(OLD.revision + 1, new_revision());
        END IF;
        NEW.updated_at := clock_timestamp();
        IF NEW.status = 'confirmed' THEN
            NEW.confirmed_version := coalesce(NEW.confirmed_version, NEW.version);
        ELSIF NEW.status = 'cancelled' AND NEW.confirmed_version IS NOT NULL THEN
            NEW.cancelled_version := coalesce(NEW.cancelled_version, NEW.version);
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE OR REPLACE FUNCTION complete_shift() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' OR NEW.doctor_id <> OLD.doctor_id THEN
            SELECT clinic_id INTO NEW.clinic_id FROM doctors WHERE id = NEW.doctor_id;
        END IF;
        IF TG_OP = 'UPDATE' THEN
            NEW.revision := greatest(OLD.revision + 1, new_revision());
        END IF;
        RETURN NEW;
    END
    $$
    """,
    "ALTER TABLE schedules ALTER COLUMN revision SET DEFAULT new_revision()",
    "ALTER TABLE shifts ALTER COLUMN revision SET DEFAULT new_revision()",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
