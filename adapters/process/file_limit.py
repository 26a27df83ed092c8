"""How many connections a process may have open."""

import sys
from contextlib import suppress


def raise_open_file_limit() -> None:
    """A shell starts a process with 1 024 files, and lets it ask for more: each caller is one."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - only there where it is used

    _, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS allows "any number" and means fewer
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))
