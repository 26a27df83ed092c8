"""One tz database for every process: the pinned package, never the machine's own copy."""

import zoneinfo
from importlib.metadata import version
from zoneinfo import ZoneInfo

VERSION = version("tzdata")
"""2026.6 is what the tz database calls 2026f."""


def use_pinned_time_zones() -> None:
    """Before any zone is used: governments change their rules oftener than machines are renewed."""
    zoneinfo.reset_tzpath(())
    ZoneInfo.clear_cache()
