"""How often one caller may ask: by subject, and by address where nobody is signed in."""

import hashlib
import math
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Protocol

from starlette.requests import HTTPConnection

from api.http.problems import Problem
from domain.actors import Actor

LIMITED_AS = "priyom.limited_as"
"""In the scope of a request: the caller whom it was counted for."""

STAFF_TIMES = 10
NETWORK_BITS = 64
"""Of an IPv6 address: whoever has one has all that begin so."""

READS = {"GET", "HEAD"}


class TakesTokens(Protocol):
    """Where the callers' buckets are."""

    async def take(self, key: str, *, a_minute: int) -> float: ...


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What a patient may do in a minute; staff may ten times that."""

    commands: int
    reads: int


class Limits:
    """Counts each request once, for whoever it is known to come from."""

    def __init__(self, buckets: TakesTokens, rates: Rates) -> None:
        self._buckets = buckets
        self._rates = rates

    async def count(self, connection: HTTPConnection, actor: Actor | None = None) -> None:
        """Raises a problem for a caller who has asked too often; null for one without a token."""
        if LIMITED_AS in connection.scope:
            return
        caller = _address(connection) if actor is None else f"subject:{_digest(actor.subject)}"
        connection.scope[LIMITED_AS] = caller
        is_read = connection.scope["method"] in READS
        a_minute = self._rates.reads if is_read else self._rates.commands
        if actor is not None and any(role.is_staff for role in actor.roles):
            a_minute *= STAFF_TIMES
        wait = await self._buckets.take(
            f"{caller}:{'reads' if is_read else 'commands'}", a_minute=a_minute
        )
        if wait:
            raise too_many_requests(wait)


def too_many_requests(seconds: float) -> Problem:
    return Problem(
        code="too_many_requests",
        detail="You have asked too often.",
        headers={"retry-after": str(math.ceil(seconds))},
    )


def _address(connection: HTTPConnection) -> str:
    """Redis keeps a digest: an address is personal data."""
    host = connection.client.host if connection.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return f"address:{_digest(host)}"
    if isinstance(address, IPv6Address):
        # a gateway that listens for both kinds writes ::ffff:192.0.2.1 for 192.0.2.1
        network = int(address) >> NETWORK_BITS
        return f"address:{_digest(str(address.ipv4_mapped or network))}"
    return f"address:{_digest(host)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
