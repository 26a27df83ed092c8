"""What a hold's end was before it was extended: the same key is given the same answer."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Null where the hold was never extended: `held_until` is the first end itself."""
    op.execute("ALTER TABLE schedules ADD COLUMN first_held_until timestamptz")
