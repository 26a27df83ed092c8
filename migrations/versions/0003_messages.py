"""What patients want to be told, and how: consents, their own zone, fail-over, receipts."""

from alembic import op

revision = "0003"
down_revision = "0002"

STATES = "'sending', 'sent', 'delivered', 'failed', 'superseded', 'declined', 'reserved'"

STATEMENTS = (
    # Null: the patient lives by the clock of the clinic.
    "ALTER TABLE patients ADD COLUMN time_zone text",
    """
    CREATE TRIGGER patients_time_zone BEFORE INSERT OR UPDATE OF time_zone ON patients
    FOR EACH ROW WHEN (NEW.time_zone IS NOT NULL) EXECUTE FUNCTION check_time_zone()
    """,
    """
    CREATE TABLE consents (
        patient_id uuid NOT NULL CONSTRAINT consents_patient_id_fkey
            REFERENCES patients (id) ON DELETE CASCADE,
        kind text NOT NULL,
        channel text NOT NULL,
        consent text NOT NULL,
        changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT consents_pkey PRIMARY KEY (patient_id, kind, channel),
        CONSTRAINT consents_channel CHECK (channel IN ('email', 'sms')),
        CONSTRAINT consents_consent CHECK (consent IN ('given', 'fallback', 'withdrawn'))
    )
    """,
    "ALTER TABLE notifications ADD COLUMN instead_of text, ADD COLUMN delivered_at timestamptz",
    "ALTER TABLE notifications DROP CONSTRAINT notifications_status",
    f"ALTER TABLE notifications ADD CONSTRAINT notifications_status CHECK (status IN ({STATES}))"
    " NOT VALID",
)


def upgrade() -> None:
    """The index is built beside the messages; the old rows are looked at without locking them."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS notifications_created_at_idx")
        op.execute(
            "CREATE INDEX CONCURRENTLY notifications_created_at_idx ON notifications (created_at)"
        )
    for statement in STATEMENTS:
        op.execute(statement)
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE notifications VALIDATE CONSTRAINT notifications_status")
