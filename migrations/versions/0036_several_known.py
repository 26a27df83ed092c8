"""Many people are looked for at once: PostgreSQL plans the search once, and not for each of them."""

from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    """The owner's, as `people_known_as` is, and for the same reason."""
    op.execute("""
    CREATE FUNCTION several_known_as(called text[], phoned text[], mailed text[])
    RETURNS TABLE (nth bigint, id uuid) LANGUAGE sql STABLE SECURITY DEFINER ROWS 100
    BEGIN ATOMIC
        SELECT w.nth, found.id
        FROM unnest(called, phoned, mailed) WITH ORDINALITY AS w (called, phoned, mailed, nth)
        CROSS JOIN LATERAL (
            SELECT p.id FROM patients p
            WHERE folded(p.full_name) = folded(w.called) AND p.erased_at IS NULL
              AND (p.phone = w.phoned OR lower(p.email) = lower(w.mailed))
            ORDER BY p.id LIMIT 1
        ) AS found;
    END
    """)
