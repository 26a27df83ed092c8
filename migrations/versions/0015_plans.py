"""Doctors' weekly plans, by the wall clock of the clinic: superseded, never edited."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE plans (
        id uuid PRIMARY KEY,
        doctor_id uuid NOT NULL REFERENCES doctors (id),
        clinic_id uuid NOT NULL REFERENCES clinics (id),
        version integer NOT NULL,
        effective_from date NOT NULL,
        effective_until date,
        weekly jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT plans_version CHECK (version > 0),
        CONSTRAINT plans_effective CHECK (effective_until >= effective_from),
        CONSTRAINT plans_once UNIQUE (doctor_id, version)
    )
    """)
    op.execute("""
    CREATE TRIGGER plans_recorded AFTER INSERT OR UPDATE ON plans
    FOR EACH ROW EXECUTE FUNCTION record_setup()
    """)
