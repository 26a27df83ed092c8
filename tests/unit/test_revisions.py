"""What a process asks of the schema is what its migrations make."""

from alembic.config import Config
from alembic.script import ScriptDirectory

from adapters.postgres.revision import NEEDED
from stack.home import CHECKOUT

MIGRATIONS = ScriptDirectory.from_config(Config(CHECKOUT / "alembic.ini"))


def test_a_build_needs_its_newest_migration() -> None:
    assert MIGRATIONS.get_current_head() == NEEDED


def test_a_later_migration_has_a_greater_revision() -> None:
    """Its age is compared as text: every one has four digits."""
    revisions = [each.revision for each in MIGRATIONS.walk_revisions()]

    assert revisions == sorted(revisions, reverse=True)
    assert {len(each) for each in revisions} == {len(NEEDED)}
