"""How many connections a process may have open."""

import sys
from contextlib import suppress


def raise_open_file_limit() -> None:
    """Raise the limit of open files, a shell's 1 024, to what is allowed: a connection is one."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - only there where it is used

    _, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS allows "any number" and means fewer
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))
