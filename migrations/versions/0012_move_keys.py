"""Keys of moves: what an Idempotency-Key was sent for, and the refusal that its run gave.

Additive: the build before neither reads nor writes them.
"""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE move_keys (
            id uuid PRIMARY KEY,
            appointment_id uuid NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
            version integer NOT NULL,
            starts_at timestamptz NOT NULL,
            doctor_id uuid,
            reason text,
            refusal jsonb,
            created_at timestamptz NOT NULL DEFAULT clock_timestamp()
        )
        """
    )
    op.execute("CREATE INDEX move_keys_appointment_id_idx ON move_keys (appointment_id)")
