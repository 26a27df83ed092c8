"""What the audit reads by and remembers: two indexes, its progress, and the events in doubt."""

from alembic import op

revision = "0002"
down_revision = "0001"

INDEXES = {
    "schedules_changed_idx": "ON schedules (updated_at)",
    "schedules_lapsing_idx": "ON schedules (held_until) WHERE status = 'held'",
}

STATEMENTS = (
    """
    CREATE TABLE audit_progress (
        sweep text PRIMARY KEY,
        swept_until timestamptz NOT NULL
    )
    """,
    "INSERT INTO audit_progress VALUES ('events', '-infinity'), ('overlaps', '-infinity')",
    """
    CREATE TABLE events_in_doubt (
        appointment_id uuid NOT NULL CONSTRAINT events_in_doubt_appointment_id_fkey
            REFERENCES schedules (id) ON DELETE CASCADE,
        sequence integer NOT NULL,
        kind text NOT NULL,
        found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        looked_at timestamptz,
        settled_at timestamptz,
        CONSTRAINT events_in_doubt_pkey PRIMARY KEY (appointment_id, sequence),
        CONSTRAINT events_in_doubt_kind CHECK (kind IN ('confirmed', 'cancelled'))
    )
    """,
    """
    CREATE INDEX events_in_doubt_open_idx ON events_in_doubt (looked_at NULLS FIRST, sequence)
        WHERE settled_at IS NULL
    """,
    "CREATE INDEX events_in_doubt_settled_idx ON events_in_doubt (settled_at)",
    # The audit goes by `updated_at`, so a row that is inserted must not bring an old one along.
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
        RETURN NEW;
    END
    $$
    """,
)


def upgrade() -> None:
    """The indexes first, beside the bookings; one that was cut short is built anew."""
    with op.get_context().autocommit_block():
        for name, what in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} {what}")
    for statement in STATEMENTS:
        op.execute(statement)
