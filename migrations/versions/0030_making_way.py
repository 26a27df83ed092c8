"""Who makes way for an exchange takes no version: what nobody can see is no change.

Two visits change places by way of a mark that lasts for one statement. A transaction that names the
visit in `priyom.makes_way` may mark it without a version and without a line in the trail; COMMIT
refuses it unless a counted change followed, so nothing is changed behind the trail.

Only functions and triggers are replaced. The build before counts every mark, as it did.
"""

from alembic import op

revision = "0030"
down_revision = "0029"

IS_SEEN = (
    "NEW.version <> OLD.version"
    " OR current_setting('priyom.makes_way', true) IS DISTINCT FROM NEW.id::text"
)

STATEMENTS = (
    f"""
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
            IF promised IS DISTINCT FROM NEW AND ({IS_SEEN}) THEN
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
    """,  # noqa: S608 - our own words, as below
    f"""
    CREATE OR REPLACE TRIGGER schedules_recorded AFTER UPDATE ON schedules
    FOR EACH ROW WHEN ({IS_SEEN}) EXECUTE FUNCTION record_schedule()
    """,
    """
    CREATE TRIGGER schedules_recorded_ends AFTER INSERT OR DELETE ON schedules
    FOR EACH ROW EXECUTE FUNCTION record_schedule()
    """,
    """
    CREATE FUNCTION refuse_unseen_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM schedules WHERE id = NEW.id AND version = OLD.version) THEN
            RAISE EXCEPTION 'a visit that makes way has to change its place'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'schedules_made_way';
        END IF;
        RETURN NULL;
    END
    $$
    """,
    f"""
    CREATE CONSTRAINT TRIGGER schedules_made_way AFTER UPDATE ON schedules
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NOT ({IS_SEEN})) EXECUTE FUNCTION refuse_unseen_change()
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
