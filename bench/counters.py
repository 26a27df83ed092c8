"""Counters around a turn: CPU by process, PostgreSQL's transactions and WAL."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import psycopg

from bench.engines import Engine
from bench.figures import Counted
from bench.processes import cpu_seconds, machine_busy_seconds, memory, own_cpu_seconds

# The position in the WAL is exact at any instant. The other statistics of a backend are seen up to
# a second late; those that are missing at the end of a turn were missing at its beginning too.
WAL_BYTES = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"
TRANSACTIONS = "SELECT coalesce(sum(xact_commit), 0) FROM pg_stat_database WHERE datname = ANY(%s)"
WAL_FLUSHES = """
SELECT coalesce(sum(io.fsyncs), 0)::bigint
FROM pg_stat_activity a CROSS JOIN LATERAL pg_stat_get_backend_io(a.pid) io
WHERE a.datname = ANY(%s) AND io.object = 'wal'
"""


class Counters:
    """Reads them over one connection of its own, to a database that nobody measures."""

    def __init__(self, connection: psycopg.AsyncConnection[Any], shared: Mapping[str, int]) -> None:
        self._connection = connection
        self._shared = shared

    async def read(self, engine: Engine) -> Counted:
        databases = [list(engine.databases)]
        return Counted(
            at=time.perf_counter(),
            busy=machine_busy_seconds(),
            cpu={**self._by_name(engine, cpu_seconds), "client": own_cpu_seconds()},
            transactions=await self._number(TRANSACTIONS, databases),
            wal_bytes=await self._number(WAL_BYTES),
            wal_flushes=await self._number(WAL_FLUSHES, databases),
        )

    def memory_mib(self, engine: Engine) -> dict[str, float]:
        """Proportional set size by process, those of the shared servers as well."""
        return {name: size / 2**20 for name, size in self._by_name(engine, memory).items()}

    def _by_name(self, engine: Engine, measure: Callable[[int], float]) -> dict[str, float]:
        """Of the engine's processes and the shared servers; those of one name are added up."""
        found: dict[str, float] = {}
        for name, pid in (*engine.pids, *self._shared.items()):
            found[name] = found.get(name, 0.0) + measure(pid)
        return found

    async def _number(self, query: str, values: list[list[str]] | None = None) -> int:
        cursor = await self._connection.execute(query.encode(), values)
        row = await cursor.fetchone()
        return int(row[0]) if row else 0
