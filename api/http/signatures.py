"""What a provider signs: its body, with a key that both know, a moment ago."""

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import Header
from starlette.requests import Request

from api.http.problems import Malformed

NAME = "Priyom-Signature"

TOLERANCE = timedelta(minutes=5)
"""What was overheard is worth nothing afterwards; a provider's clock may be so far off."""

SIGNATURE = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})", re.ASCII)


def signature_header(provider: str) -> Any:
    """The header of a route whose bodies are signed by `provider`."""
    return Header(
        alias=NAME,
        description=f"t=<unix seconds>,v1=<hex of HMAC-SHA256 over `t.{provider}.body`>, not older"
        " than 5 minutes",
        examples=["t=1804582800,v1=" + "0" * 64],
    )


async def check_signature(given: str, key: bytes, provider: str, request: Request) -> None:
    """Raises `Malformed` for a body that this provider has not signed."""
    if not signs(given, key, provider, await request.body(), now=datetime.now(UTC)):
        raise Malformed(NAME, "does not sign this body")


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
