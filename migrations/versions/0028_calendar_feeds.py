"""The secret address at which a calendar asks for a patient's visits, by its digest. Additive."""

from alembic import op

revision = "0028"
down_revision = "0027"

FEEDS = """
CREATE TABLE calendar_feeds (
    patient_id uuid CONSTRAINT calendar_feeds_pkey PRIMARY KEY
        CONSTRAINT calendar_feeds_patient_id_fkey REFERENCES patients (id) ON DELETE CASCADE,
    token_hash bytea NOT NULL CONSTRAINT calendar_feeds_once UNIQUE,
    language text NOT NULL
        CONSTRAINT calendar_feeds_language CHECK (language IN ('ru', 'en')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""


def upgrade() -> None:
    op.execute(FEEDS)
