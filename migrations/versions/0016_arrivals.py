"""When a patient came: what an undone end of a visit goes back to.

Additive, and without a rewrite: the build before neither reads nor writes it.
"""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute("ALTER TABLE schedules ADD COLUMN arrived_at timestamptz")
