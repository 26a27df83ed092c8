# ruff: noqa: RUF001 - it is about letters that look alike
"""Names in the order of the alphabet, and shifts by their time: an index for each.

The build before orders doctors by the plain name. Until it is gone it sorts those that it shows.
"""

from alembic import op

revision = "0007"
down_revision = "0006"

# What two spellings of one name have in common: without case, marks, strokes and apostrophes. What
# comes out is in the alphabet's order also where code points are not: Ё stands beside Е, and й keeps
# its place behind и. All of it is in every PostgreSQL, also in one built without ICU.
FOLDED = r"""
CREATE OR REPLACE FUNCTION folded(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN translate(
    replace(replace(replace(
        translate(
            regexp_replace(
                replace(normalize(lower(name), NFKD), U&'\0438\0306', 'й'),
                '[\u0300-\u036f]', '', 'g'
            ),
            'øłđıþ', 'oldit'
        ),
        'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'),
    U&'''\2019\02BC\2018`\00B4\02B9\02BB', ''
)
"""
INDEXES = {
    "doctors_alphabet_idx": "ON doctors (folded(full_name), full_name, id)",
    "shifts_during_idx": "ON shifts USING gist (during)",
}


def upgrade() -> None:
    """Beside the bookings. The old index goes last: until then lists are read by it."""
    op.execute(FOLDED)
    with op.get_context().autocommit_block():
        for name, what in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} {what}")
        op.execute("ANALYZE doctors")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS doctors_name_idx")
