"""Imports: the file as it was sent until it is read, the report, and what came of each row."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE imports (
        id uuid PRIMARY KEY,
        clinic_id uuid NOT NULL REFERENCES clinics (id),
        kind text NOT NULL,
        dry_run boolean NOT NULL,
        content bytea,
        actor text NOT NULL,
        report jsonb NOT NULL,
        rows_read integer NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        done_at timestamptz,
        CONSTRAINT imports_kind CHECK (kind IN ('text/csv', 'application/fhir+ndjson')),
        CONSTRAINT imports_done_forgets CHECK (done_at IS NULL OR content IS NULL)
    )
    """)
    op.execute("""
    CREATE TABLE imported (
        appointment_id uuid PRIMARY KEY REFERENCES schedules (id) ON DELETE CASCADE,
        import_id uuid NOT NULL REFERENCES imports (id),
        digest text NOT NULL,
        stamp timestamptz,
        version integer NOT NULL
    )
    """)
