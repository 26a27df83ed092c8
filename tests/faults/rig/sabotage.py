"""Faults inside PostgreSQL: statements that fail by a trigger, and statements that wait."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg

from tests.faults.rig.waiting import IN_TIME, until_seen

# A sequence keeps its value when a transaction is rolled back or its backend is terminated.
LAY = """
CREATE SEQUENCE rig_sabotaged;
CREATE FUNCTION rig_sabotage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF random() < {chance} AND ({when}) THEN
        PERFORM nextval('rig_sabotaged');
        {deed};
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER rig_sabotage BEFORE {on} ON schedules FOR EACH ROW EXECUTE FUNCTION rig_sabotage();
"""
CLEAR = "DROP FUNCTION rig_sabotage CASCADE; DROP SEQUENCE rig_sabotaged;"

END_THE_BACKEND = "PERFORM pg_terminate_backend(pg_backend_pid())"


def fail(state: str) -> str:
    return f"RAISE EXCEPTION 'sabotaged' USING ERRCODE = '{state}'"


@dataclass(frozen=True, kw_only=True)
class Sabotage:
    """An active trigger."""

    url: str

    async def times(self) -> int:
        row = await _one(self.url, "SELECT last_value - 1 + is_called::int FROM rig_sabotaged")
        return int(row[0])

    async def reached(self, times: int, *, within: float = IN_TIME) -> None:
        async def enough() -> bool:
            return await self.times() >= times

        await until_seen(enough, f"{times} statements sabotaged", within=within, every=0.1)


@asynccontextmanager
async def sabotaged(
    url: str, deed: str, *, on: str, chance: float = 1.0, when: str = "true"
) -> AsyncIterator[Sabotage]:
    """While the block runs, do the deed to this share of the written rows."""
    await _execute(url, LAY.format(chance=chance, when=when, deed=deed, on=on))
    try:
        yield Sabotage(url=url)
    finally:
        await _execute(url, CLEAR)


async def waiting_for_locks(url: str) -> int:
    """How many of the product's statements wait for a lock now."""
    row = await _one(
        url,
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name LIKE 'priyom-%' AND wait_event_type = 'Lock'",
    )
    return int(row[0])


@asynccontextmanager
async def statements_logged(url: str) -> AsyncIterator[None]:
    """While the block runs, the server logs every statement with its parameters."""
    await _execute(url, "ALTER SYSTEM SET log_statement = 'all'")
    await _execute(url, "SELECT pg_reload_conf()")
    try:
        yield
    finally:
        await _execute(url, "ALTER SYSTEM RESET log_statement")
        await _execute(url, "SELECT pg_reload_conf()")


async def _execute(url: str, script: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(script.encode())


async def _one(url: str, query: str) -> tuple[int, ...]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        found = await (await connection.execute(query.encode())).fetchone()
    assert found is not None
    return found
