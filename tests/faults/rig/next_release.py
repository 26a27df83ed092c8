"""The release after this one: a copy of the checkout with other steps and one more column.

Visits keep how long their patients thought. The column is added, filled by the new code, and
required when the old code is gone: expand, then contract.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.copied_checkout import CHECKOUT, Edit, copied_checkout

EDITS = (
    Edit(
        name="the patient is told first, which no history of the release before agrees with",
        file="workflows/tell_everybody.py",
        at="tell_everybody",
        text="[change_of(appointment), *([word_of(event)] if event else [])]",
        instead="[*([word_of(event)] if event else []), change_of(appointment)]",
    ),
    Edit(
        name="a confirmation fills the new column",
        file="adapters/postgres/end.py",
        at="CONFIRM",
        text="confirmed_at = clock_timestamp(),",
        instead="confirmed_at = clock_timestamp(), thought_for = clock_timestamp() - created_at,",
    ),
)

EXPAND = (
    "ALTER TABLE schedules ADD COLUMN thought_for interval",
    "CREATE INDEX CONCURRENTLY schedules_thought_idx ON schedules (confirmed_at, thought_for)",
)

# New rows are judged at once, old ones when they are filled: the scan takes no lock that a booking
# waits for. Filling is no change of a visit: no trigger gives it another version.
CONTRACT = (
    """
    ALTER TABLE schedules ADD CONSTRAINT schedules_thought_for
    CHECK (confirmed_at IS NULL OR held_until IS NULL OR thought_for IS NOT NULL) NOT VALID
    """,
    "SET session_replication_role = replica",
    """
    DO $$
    BEGIN
        LOOP
            UPDATE schedules SET thought_for = confirmed_at - created_at WHERE id IN (
                SELECT id FROM schedules
                WHERE confirmed_at IS NOT NULL AND held_until IS NOT NULL AND thought_for IS NULL
                LIMIT 200 FOR UPDATE SKIP LOCKED
            );
            EXIT WHEN NOT FOUND;
            COMMIT;
        END LOOP;
    END
    $$
    """,
    "RESET session_replication_role",
    "ALTER TABLE schedules VALIDATE CONSTRAINT schedules_thought_for",
)

MIGRATION = '''"""{revision}"""

from alembic import op

revision = "{revision}"
down_revision = "{after}"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for statement in {statements!r}:
            op.execute(statement)
'''


@dataclass(frozen=True, kw_only=True)
class NextRelease:
    """Its checkout; what its migrations are told is the environment."""

    checkout: Path
    environment: Mapping[str, str]

    async def expand(self) -> None:
        await self._migrate("expand")

    async def contract(self) -> None:
        await self._migrate("contract")

    async def _migrate(self, revision: str) -> None:
        migration = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "alembic", "upgrade", revision),
            cwd=self.checkout,
            env={**os.environ, **self.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await migration.communicate()
        assert migration.returncode == 0, said.decode()


@asynccontextmanager
async def next_release(environment: Mapping[str, str]) -> AsyncIterator[NextRelease]:
    with copied_checkout() as checkout:
        for edit in EDITS:
            edit.write_into(checkout)
        newest = ScriptDirectory.from_config(Config(CHECKOUT / "alembic.ini")).get_current_head()
        write_migration(checkout, "expand", str(newest), EXPAND)
        write_migration(checkout, "contract", "expand", CONTRACT)
        yield NextRelease(checkout=checkout, environment=environment)


def write_migration(checkout: Path, revision: str, after: str, statements: Sequence[str]) -> None:
    text = MIGRATION.format(revision=revision, after=after, statements=statements)
    (checkout / "migrations" / "versions" / f"{revision}.py").write_text(text)
