"""Reminders: which step a message was, and visits by when they begin.

Additive: the build before writes no step. The index is built beside the bookings.
"""

from alembic import op

revision = "0022"
down_revision = "0021"

BEGINS_AT = "CASE WHEN status = 'confirmed' THEN starts_at END"


def upgrade() -> None:
    op.execute("ALTER TABLE notifications ADD COLUMN step text")
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS schedules_begins_at_idx")
        op.execute(
            f"CREATE INDEX CONCURRENTLY schedules_begins_at_idx ON schedules (({BEGINS_AT}))"
            f" WHERE ({BEGINS_AT}) IS NOT NULL"
        )
