"""Tags of bodies, by which a caller says which one it has."""

import re

_ETAG = re.compile(r'(?:W/)?("[^"]*")')


def knows(if_none_match: str, etag: str) -> bool:
    """Whether the caller has this body already (RFC 9110 13.1.2: a weak comparison)."""
    return if_none_match.strip() == "*" or etag in _ETAG.findall(if_none_match)
