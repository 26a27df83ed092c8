"""Time zones by their names; a name that the pinned database does not know hurts nobody else."""

from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

UTC = ZoneInfo("UTC")


def zone_named(name: str) -> ZoneInfo:
    """PostgreSQL takes names in any case, and some that no other program knows: those are UTC."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _by_any_case(name)


@cache
def _by_any_case(name: str) -> ZoneInfo:
    known = {each.lower(): each for each in available_timezones()}
    return ZoneInfo(known[name.lower()]) if name.lower() in known else UTC
