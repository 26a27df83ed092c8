"""PostgreSQL's data on a small disk of its own. Needs root to mount it."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from tests.faults.rig.injectors import small_disk
from tests.faults.rig.stack import Stack

ROOM = 112
"""Free megabytes beside the data: seven segments of the write-ahead log. A server that went down
needs what the load left of them to start again."""


@asynccontextmanager
async def postgres_on_a_small_disk(stack: Stack) -> AsyncIterator[Path]:
    """Move the data to the small disk while the block runs; yields the disk's folder."""
    argv = stack.kept("postgres").program.argv
    data = Path(argv[argv.index("-D") + 1])
    await stack.stop("postgres")
    moved = _moved(data)
    try:
        await asyncio.to_thread(moved.__enter__)
        await stack.start("postgres")
        yield data
    finally:
        await stack.stop("postgres")
        await asyncio.to_thread(moved.__exit__, None, None, None)
        await stack.start("postgres")


@contextmanager
def _moved(data: Path) -> Iterator[None]:
    home = data.with_name("postgres.beside")
    data.rename(home)
    with small_disk(data, _megabytes(home) + ROOM):
        _copy(home, data)
        yield
        shutil.rmtree(home)
        _copy(data, home)
    data.rmdir()
    home.rename(data)


def _copy(data: Path, to: Path) -> None:
    """Copy with owners and permissions, which PostgreSQL checks."""
    owner = data.stat()
    to.mkdir(exist_ok=True)
    os.chown(to, owner.st_uid, owner.st_gid)
    to.chmod(owner.st_mode)
    subprocess.run(["cp", "-a", f"{data}/.", str(to)], check=True)


def _megabytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) >> 20
