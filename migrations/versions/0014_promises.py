"""A promise to come leaves the version as it is: it changes nothing that anybody was told.

Only the function is replaced, with the same effect on every other change.
"""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute(
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
                NEW.revision := nextval('revisions');
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
        """
    )
