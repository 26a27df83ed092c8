"""Reminders that were begun, by when their visits begin: a look compares two ranges.

Additive. The index is built beside the bookings; no other message is in it.
"""

from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS notifications_reminders_idx")
        op.execute(
            "CREATE INDEX CONCURRENTLY notifications_reminders_idx"
            " ON notifications (step, starts_at, appointment_id) WHERE step IS NOT NULL"
        )
