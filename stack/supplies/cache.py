"""The cache of built and fetched files: complete or absent, and made once by concurrent callers."""

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
    """Hold this lock; wait while another process on this machine holds it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def replaced(final: Path) -> Iterator[Path]:
    """A temporary path beside the final one. It is moved there if the block succeeds."""
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
