"""What a clinic lets patients do by themselves; null where it has set no rules.

Additive, and without a rewrite: the build before neither reads nor writes it.
"""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.execute("ALTER TABLE clinics ADD COLUMN rules jsonb")
