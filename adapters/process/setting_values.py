"""What a setting may be: each check takes a value, or says in one line what it must be."""

import re
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from adapters.messages.addresses import BadAddress, mailbox
from adapters.process.payload_keys import payload_keys_of
from domain.quiet_hours import QuietHours

HOST_AND_PORT = re.compile(r"(?:[^\s:/@\[\]]+|\[[0-9A-Fa-f:.]+\]):(?P<port>\d{1,5})")
HIGHEST_PORT = 65_535
TWO = 2
MOST_A_MINUTE = 1_000_000
SHORTEST_SECRET = 32
"""Characters: 128 bits of hex."""


def url_of(*schemes: str, local: Collection[str] = ()) -> Callable[[str], str]:
    """Accepts a URL of these schemes with a host; a `local` one may have a path in its place.

    What it says of a bad one does not repeat it: there may be a password in it.
    """

    def check(value: str) -> str:
        known = " or ".join(f"{scheme}://" for scheme in schemes)
        try:
            url = urlsplit(value)
            host, port = url.hostname, url.port
        except ValueError:
            raise ValueError(
                "is not a URL: is the port a number, are special characters percent-encoded?"
            ) from None
        if url.scheme not in schemes or not value.lower().startswith(f"{url.scheme}://"):
            raise ValueError(f"must begin with {known}")
        if any(character.isspace() for character in value):
            raise ValueError("must have no spaces")
        if port == 0 or not (host or (url.scheme in local and (url.path.strip("/") or url.query))):
            raise ValueError("must name a host, and a port from 1 to 65535 if any")
        return value

    return check


def or_none(check: Callable[[str], str]) -> Callable[[str], str]:
    """Accepts what `check` accepts, or none."""
    return lambda value: check(value) if value else value


def bootstrap_servers(value: str) -> str:
    """Accepts host:port, and more of them by comma."""
    for each in value.split(","):
        found = HOST_AND_PORT.fullmatch(each.strip())
        if found is None or not 1 <= int(found["port"]) <= HIGHEST_PORT:
            raise ValueError("must be host:port, several by comma")
    return value


def rates(value: str) -> str:
    """Accepts commands,reads a minute, or off."""
    rates_of(value)
    return value


def rates_of(value: str) -> tuple[int, int] | None:
    """Commands and reads a minute; null for off. Raises ValueError."""
    if value == "off":
        return None
    found = [int(each) for each in value.split(",") if each.isascii() and each.isdigit()]
    if (
        len(found) != TWO
        or value.count(",") != 1
        or not all(1 <= n <= MOST_A_MINUTE for n in found)
    ):
        raise ValueError("must be commands,reads a minute, each from 1 to 1000000, or off")
    return found[0], found[1]


def origins(value: str) -> str:
    """Accepts scheme://host with a port if any, several by comma, or none."""
    for each in origins_of(value):
        url = urlsplit(url_of("http", "https")(each))
        if url.path or url.query or url.fragment or url.username:
            raise ValueError("must be scheme://host without a path, several by comma")
    return value


def origins_of(value: str) -> list[str]:
    """Each of them as browsers write it."""
    return [each.strip().lower().rstrip("/") for each in value.split(",") if each.strip()]


def mail_address(value: str) -> str:
    """Accepts a bare address: Message-IDs are made of what follows its @."""
    try:
        return mailbox(value)
    except BadAddress:
        raise ValueError("must be one e-mail address") from None


def long_or_none(value: SecretStr) -> SecretStr:
    """Accepts a key that cannot be guessed, or none."""
    if 0 < len(value.get_secret_value()) < SHORTEST_SECRET:
        raise ValueError(f"must be {SHORTEST_SECRET} characters or more, or empty")
    return value


def keys_or_none(value: SecretStr) -> SecretStr:
    """Accepts <id>:<base64 of 32 bytes>, and more of them by comma, or none."""
    payload_keys_of(value.get_secret_value())
    return value


def file_or_none(value: str) -> str:
    """Accepts the path of a file that is there, or none."""
    if value and not Path(value).is_file():
        raise ValueError("must be the path of a file that can be read")
    return value


def url_or_none(value: str) -> str:
    """Accepts the URL of an issuer, or none."""
    return url_of("http", "https")(value) if value else value


def two_times(value: str) -> str:
    """Accepts two times of the day; over midnight if the first is the later one."""
    quiet_hours_of(value)
    return value


def quiet_hours_of(value: str) -> QuietHours:
    """The hours that a setting has written down."""
    try:
        begin, end = (datetime.strptime(each, "%H:%M").time() for each in value.split("-"))  # noqa: DTZ007 - a wall clock
    except ValueError:
        raise ValueError("must be two times of the day") from None
    return QuietHours(begin=begin, end=end)
