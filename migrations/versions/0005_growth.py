"""What must not grow: a hold reads nothing of others, a page of doctors not all of them."""

from alembic import op

revision = "0005"
down_revision = "0004"

# `held_until WHERE status = 'held'` offered itself to every statement that says `status = 'held'`.
# While the statistics knew of few holds it looked cheapest to a hold too, which then read all that
# were open, three times, and in a SERIALIZABLE transaction got in the way of each of them. An index
# over an expression serves only those who ask by it: the audit and the page of operations.
LAPSES_AT = "(CASE WHEN status = 'held' THEN held_until END)"
INDEXES = {
    "schedules_lapses_at_idx": f"ON schedules ({LAPSES_AT}) WHERE {LAPSES_AT} IS NOT NULL",
    "doctors_name_idx": "ON doctors (full_name, id)",
}

# Visits lie ahead, and statistics behind: by them nothing is booked at the time that a patient asks
# for, so to look for that time among all patients' visits seemed as good as among this doctor's.
# What is not known is taken for one visit in a hundred, and the doctor's own are looked at.
TIME_IS_UNKNOWN = (
    "ALTER TABLE schedules ALTER COLUMN occupies SET STATISTICS 0",
    "SELECT pg_clear_attribute_stats('public', 'schedules', 'occupies', false)",
)


def upgrade() -> None:
    """Beside the bookings. The old index goes last: until then an audit reads by it."""
    with op.get_context().autocommit_block():
        for name, what in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} {what}")
        for statement in TIME_IS_UNKNOWN:
            op.execute(statement)
        op.execute("ANALYZE schedules")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS schedules_lapsing_idx")
