"""Offers: holds of another time for a visit that is to leave its own.

Whoever moves the visit or ends it, its offer goes. What a campaign's run has not yet seen of it is
found by an index. Additive; the build before makes no offers.
"""

from alembic import op

revision = "0024"
down_revision = "0023"

STATEMENTS = (
    "ALTER TABLE campaigns ADD COLUMN seen_version integer",
    """
    CREATE INDEX campaigns_unseen_idx ON campaigns (id)
        WHERE seen_version IS DISTINCT FROM version
    """,
    """
    CREATE FUNCTION withdraw_offers() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE schedules
        SET status = 'cancelled', cancelled_at = clock_timestamp(), version = version + 1
        WHERE visit_id = NEW.id AND id <> NEW.id AND status = 'held';
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER schedules_withdraws_offers
    AFTER UPDATE OF status, starts_at, doctor_id ON schedules
    FOR EACH ROW WHEN (
        OLD.status = 'confirmed' AND NEW.visit_id = NEW.id AND (
            NEW.status <> 'confirmed' OR NEW.starts_at <> OLD.starts_at
            OR NEW.doctor_id <> OLD.doctor_id
        )
    )
    EXECUTE FUNCTION withdraw_offers()
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
