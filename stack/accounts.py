"""The unprivileged account for PostgreSQL, which refuses to run as root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from stack.errors import MissingToolError, StackError


@dataclass(frozen=True, kw_only=True)
class Account:
    name: str
    uid: int
    gid: int


def unprivileged_account() -> Account | None:
    """The account for a server that must not be root; None when we are not root ourselves."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise MissingToolError(
        "PostgreSQL does not run as root: create a user for it (useradd postgres)"
    )


def reachable_by_others(path: Path) -> bool:
    """Whether every account may enter this folder and each of its parents."""
    existing = [folder for folder in (path, *path.parents) if folder.exists()]
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in existing)


def claim(folder: Path) -> None:
    """Make a folder that other accounts can traverse; refuse one that another account made."""
    folder.mkdir(parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise StackError(f"{folder} exists and is not ours: remove it")
    folder.chmod(stat.S_IMODE(found.st_mode) | 0o711)  # whatever the umask is, or was
