"""The fingerprint of the secret in use: a process that has another one says so, and ends.

Additive: the build before neither reads nor writes it.
"""

from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE secret_in_use (
        only_one boolean PRIMARY KEY DEFAULT true,
        fingerprint bytea NOT NULL,
        since timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT secret_in_use_only_one CHECK (only_one)
    )
    """)
