"""Faults besides the network's: in the database, Redis, the disk and the clock."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from uuid import UUID

import psycopg
from redis.asyncio import Redis

SMALLEST_PIECE = 4096

LIBFAKETIME = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
)


async def end_backends(url: str, application: str = "priyom-%", *, one_in: int = 1) -> int:
    """Terminate this share of a process's connections (pg_terminate_backend); return how many."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        ended = await connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name LIKE %s AND pid <> pg_backend_pid() AND random() < 1.0 / %s",
            (application, one_in),
        )
        row = await ended.fetchone()
        return int(row[0]) if row else 0


@asynccontextmanager
async def all_connections_taken(url: str) -> AsyncIterator[int]:
    """Another client takes every connection of the server; yields how many."""
    async with AsyncExitStack() as kept:
        taken = 0
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(url, connect_timeout=5)
            except psycopg.OperationalError:
                break
            kept.push_async_callback(connection.close)
            taken += 1
        yield taken


@asynccontextmanager
async def row_locked(url: str, appointment_id: UUID) -> AsyncIterator[None]:
    """Another transaction locks the row for the whole block."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(
            "SELECT FROM schedules WHERE id = %s FOR UPDATE", (appointment_id,)
        )
        yield
        await connection.rollback()


@asynccontextmanager
async def table_locked(url: str, *, mode: str = "EXCLUSIVE") -> AsyncIterator[None]:
    """Another transaction locks the table. Modes below ACCESS EXCLUSIVE let readers pass."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(f"LOCK TABLE schedules IN {mode} MODE".encode())
        yield
        await connection.rollback()


async def pause_redis(url: str, seconds: float) -> None:
    """CLIENT PAUSE: no client is answered for this long."""
    redis = Redis.from_url(url)
    await redis.client_pause(int(seconds * 1000), all=True)
    await redis.aclose()


async def flush_redis(url: str) -> None:
    redis = Redis.from_url(url)
    await redis.flushall()
    await redis.aclose()


@contextmanager
def small_disk(at: Path, megabytes: int) -> Iterator[Path]:
    """Mount a file system of that size there. PermissionError without root."""
    if os.geteuid() != 0:
        raise PermissionError("a file system can be mounted by root only")
    at.mkdir(parents=True, exist_ok=True)
    options = f"size={megabytes}m,mode=0755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(at)], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


def fill(disk: Path) -> Path:
    """Fill the disk, also against concurrent writers. Removing the returned file frees it."""
    ballast = disk / "ballast"
    size, piece = 0, 1 << 24
    with ballast.open("wb") as file:
        while piece >= SMALLEST_PIECE:
            try:
                os.posix_fallocate(file.fileno(), size, piece)
                size += piece
            except OSError:
                piece //= 2
    return ballast


def faketime() -> str | None:
    """The library that shifts the clock of a child process; None if it is not installed."""
    return next((path for path in LIBFAKETIME if Path(path).exists()), None)


async def spread(seconds: float, parts: int) -> AsyncIterator[int]:
    """Inject the parts of a fault one by one, spread over this time."""
    for part in range(parts):
        yield part
        await asyncio.sleep(seconds / parts)
