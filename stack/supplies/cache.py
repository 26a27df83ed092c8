"""The cache of built and fetched things: whole or absent, and made once even by two at a time."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "priyom"


@contextmanager
def once(lock: Path) -> Iterator[None]:
    """Wait until nobody else on this machine holds the lock, then hold it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def replaced(final: Path) -> Iterator[Path]:
    """A new name beside the final one; moved there when the block ends well, deleted otherwise."""
    new = final.with_name(f"{final.name}.{os.getpid()}.new")
    _remove(new)
    try:
        yield new
        new.replace(final)
    finally:
        _remove(new)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
