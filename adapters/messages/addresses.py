"""Addresses and numbers as mail servers and links take them (RFC 3966, 5321, 5891, 6068, 6531)."""

import re
import unicodedata
from urllib.parse import quote

ATOM = r"[^\s@,;:<>()\[\]\\\"\x00-\x1f\x7f]+"
QUOTED = r"\"(?:[^\"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*\""
ADDRESS = re.compile(rf"({ATOM}|{QUOTED})@({ATOM})")
EXTENSION = re.compile(r"\s*(?:ext|доб|x|#)\.?\s*", re.IGNORECASE)
OF_A_LOCAL_PART = "!$'*+-.^_`{|}~"
"""What need not be escaped in a mailto (RFC 6068), besides letters and digits."""


class BadAddress(ValueError):
    """No mail server can be asked for this."""


def mailbox(address: str) -> str:
    """As it stands in an envelope: without the blanks around it, its domain in A-labels."""
    found = ADDRESS.fullmatch(address.strip())
    if found is None:
        raise BadAddress
    local, domain = found.groups()
    try:
        return f"{local}@{domain if domain.isascii() else domain.encode('idna').decode()}"
    except UnicodeError:
        raise BadAddress from None


def mailto(address: str) -> str:
    """A link to it; what cannot be a mailbox is a link that says so as well as it can."""
    try:
        local, _, domain = mailbox(address).rpartition("@")
    except BadAddress:
        return f"mailto:{quote(address, safe='')}"
    return f"mailto:{quote(local, safe=OF_A_LOCAL_PART)}@{domain}"


def tel(phone: str) -> str:
    """A link to the first of these numbers: no blanks, digits of ASCII, an extension by its name.

    A number without a country keeps none, since nothing here says which is meant.
    """
    first = re.split(r"[,;/]", phone, maxsplit=1)[0]
    number, *extension = EXTENSION.split(first, maxsplit=1)
    plus = "+" if "+" in number else ""
    inner = _digits(extension[0]) if extension else ""
    return f"tel:{plus}{_digits(number)}" + (f";ext={inner}" if inner else "")


def _digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(each)) for each in text if each.isdecimal())
