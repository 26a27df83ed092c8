"""Signatures of what providers tell us: an HMAC over the time, the provider and the body."""

import hashlib
import hmac
import re
from datetime import datetime, timedelta

TOLERANCE = timedelta(minutes=5)
"""An overheard receipt is worth nothing afterwards; a provider's clock may be so far off."""

SIGNATURE = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})", re.ASCII)


def signature(key: bytes, provider: str, body: bytes, *, at: datetime) -> str:
    """The header that goes with this body: `t=<unix seconds>,v1=<hex>`."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={_mac(key, seconds, provider, body)}"


def signs(given: str, key: bytes, provider: str, body: bytes, *, now: datetime) -> bool:
    """Whether the header was made with this key for this body, a moment ago."""
    found = SIGNATURE.fullmatch(given)
    if not key or found is None:
        return False
    seconds = int(found[1])
    is_ours = hmac.compare_digest(found[2], _mac(key, seconds, provider, body))
    return is_ours and abs(now.timestamp() - seconds) <= TOLERANCE.total_seconds()


def _mac(key: bytes, seconds: int, provider: str, body: bytes) -> str:
    return hmac.new(key, f"{seconds}.{provider}.".encode() + body, hashlib.sha256).hexdigest()
