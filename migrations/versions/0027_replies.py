"""Answers to reminders by text message, each once.

Of who answered nothing is kept: a row names an appointment and its version. Additive.
"""

from alembic import op

revision = "0027"
down_revision = "0026"

STATEMENTS = (
    """
    CREATE TABLE replies (
        message_id text CONSTRAINT replies_pkey PRIMARY KEY,
        word text NOT NULL
            CONSTRAINT replies_word CHECK (word IN ('coming', 'cancel', 'stop', 'other')),
        appointment_id uuid CONSTRAINT replies_appointment_id_fkey
            REFERENCES schedules (id) ON DELETE CASCADE,
        version integer,
        is_again boolean NOT NULL,
        received_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    "CREATE INDEX replies_appointment_id_idx ON replies (appointment_id)",
    "CREATE INDEX replies_received_at_idx ON replies (received_at)",
    "CREATE INDEX patients_phone_idx ON patients (phone) WHERE phone IS NOT NULL",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
