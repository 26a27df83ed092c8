"""The visits of campaigns by doctor and time: the reception calls those that are ahead.

Additive: the build before neither reads nor writes it.
"""

from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """Beside the campaigns that run; one that was cut short is built anew."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS campaign_visits_doctor_id_idx")
        op.execute(
            "CREATE INDEX CONCURRENTLY campaign_visits_doctor_id_idx"
            " ON campaign_visits (doctor_id, starts_at)"
        )
