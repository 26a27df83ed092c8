"""A doctor's plan that is not published yet: nobody can book by it.

Additive: the build before neither reads nor writes it.
"""

from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE plan_drafts (
        doctor_id uuid PRIMARY KEY REFERENCES doctors (id),
        version integer NOT NULL DEFAULT 1,
        effective_from date NOT NULL,
        effective_until date,
        weekly jsonb NOT NULL,
        kept_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT plan_drafts_version CHECK (version > 0),
        CONSTRAINT plan_drafts_effective CHECK (effective_until >= effective_from)
    )
    """)
