"""Which schema this build needs: that of its own migrations, or any later one.

Builds run side by side, and migrations fit the build before them: a newer schema is as good.
"""

from adapters.postgres.database import Database

NEEDED = "0038"
"""The newest of `migrations/versions`. Revisions are numbers of four digits, in their order."""


class SchemaBehind(ConnectionError):
    """It answers, and has not been migrated for this build yet."""


async def ask_for_schema(database: Database) -> None:
    async with database.lend() as connection:
        found = await connection.execute("SELECT version_num FROM alembic_version")
        reached = await found.fetchone()
    if reached is None or reached[0] < NEEDED:
        raise SchemaBehind
