"""Rounds of offers: who declines is offered other times, and the run is told of the answer at once.

Additive; the build before asks once, and looks for answers when the time is over.
"""

from alembic import op

revision = "0025"
down_revision = "0024"

STATEMENTS = (
    """
    ALTER TABLE campaign_visits
        ADD COLUMN round integer NOT NULL DEFAULT 1,
        ADD COLUMN answer_heard boolean NOT NULL DEFAULT false,
        ADD CONSTRAINT campaign_visits_round CHECK (round > 0)
    """,
    """
    CREATE INDEX campaign_visits_unheard_idx ON campaign_visits (campaign_id, appointment_id)
        WHERE state = 'asked' AND NOT answer_heard
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
