"""Signed links to one visit: whoever has one needs no sign-in, and an old one can do nothing.

A token is of one visit, of its version and of a last day, and is short enough for a text message.
Its form's token says that a form came from the page behind the link: a mail scanner that opens
links sends no form.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from uuid import UUID

FIRST_DAY = date(2020, 1, 1)
SIGNED, SIGNATURE = 16 + 3 + 2, 9
"""Bytes: id, version, day; and what nobody guesses who is let try a few times a second."""

OPEN_AFTER = timedelta(days=1)
"""A link still shows the visit for so long after its end."""

FORM_LASTS = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class VisitLink:
    """What a token is signed for; `until` is its last day, in UTC."""

    appointment_id: UUID
    version: int
    until: date


def link_key(secret: bytes) -> bytes:
    """For links alone: what is signed by it is worth nothing elsewhere."""
    return hmac.digest(secret, b"links to visits", sha256)


def link_to(appointment_id: UUID, version: int, ends_at: datetime) -> VisitLink:
    """A visit that ended before there were links has one that is over."""
    until = max((ends_at + OPEN_AFTER).date(), FIRST_DAY)
    return VisitLink(appointment_id=appointment_id, version=version, until=until)


def token_of(key: bytes, link: VisitLink) -> str:
    """Forty letters of an address."""
    days = (link.until - FIRST_DAY).days
    signed = link.appointment_id.bytes + link.version.to_bytes(3) + days.to_bytes(2)
    return urlsafe_b64encode(signed + _mac(key, signed)).decode()


def read_token(key: bytes, token: str) -> VisitLink | None:
    """None for what was not signed by this key."""
    try:
        whole = urlsafe_b64decode(token.encode("ascii"))
    except ValueError:
        return None
    signed = whole[:SIGNED]
    if not hmac.compare_digest(whole, signed + _mac(key, signed)):
        return None
    return VisitLink(
        appointment_id=UUID(bytes=signed[:16]),
        version=int.from_bytes(signed[16:19]),
        until=FIRST_DAY + timedelta(days=int.from_bytes(signed[19:])),
    )


def form_token(key: bytes, token: str, *, now: datetime) -> str:
    """`<unix seconds>.<hex>`, for a form on the page of this link."""
    seconds = str(int(now.timestamp()))
    return f"{seconds}.{_form_mac(key, token, seconds)}"


def is_form_of(key: bytes, token: str, given: str, *, now: datetime) -> bool:
    """Whether the form was made by the page of this link, not long ago."""
    seconds, _, mac = given.partition(".")
    is_ours = hmac.compare_digest(mac.encode(), _form_mac(key, token, seconds).encode())
    return is_ours and now.timestamp() - int(seconds) < FORM_LASTS.total_seconds()


def _mac(key: bytes, signed: bytes) -> bytes:
    return hmac.digest(key, signed, sha256)[:SIGNATURE]


def _form_mac(key: bytes, token: str, seconds: str) -> str:
    return hmac.digest(key, f"form {token} {seconds}".encode(), sha256).hex()
