"""Who holds for another, and what somebody let go: holds are counted by subject and by slot.

Additive: the build before neither reads nor writes the column. The happy path of a booking for
oneself writes to neither index.
"""

from alembic import op

revision = "0021"
down_revision = "0020"

INDEXES = {
    "schedules_let_go_idx": (
        "ON schedules (doctor_id, starts_at) WHERE status IN ('expired', 'cancelled')"
        " AND confirmed_at IS NULL AND held_until IS NOT NULL"
    ),
    "schedules_held_by_idx": (
        "ON schedules (held_by) WHERE status = 'held' AND held_by IS NOT NULL"
    ),
}


def upgrade() -> None:
    """One that was cut short is built anew."""
    op.execute("ALTER TABLE schedules ADD COLUMN IF NOT EXISTS held_by uuid")
    with op.get_context().autocommit_block():
        for name, what in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} {what}")
