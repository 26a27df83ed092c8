"""The keys that payloads of Temporal are sealed with, as a setting writes them down."""

import base64
import binascii
import re

KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
KEY_BYTES = 32
"""AES-256."""


def payload_keys_of(written: str) -> dict[str, bytes]:
    """Keys by id; the first seals, every one opens. Raises ValueError, which repeats no key."""
    keys: dict[str, bytes] = {}
    for each in written.split(",") if written else ():
        name, _, key = each.strip().partition(":")
        if not KEY_ID.fullmatch(name):
            raise ValueError("must be <id>:<base64 of 32 bytes>, several by comma")
        if name in keys:
            raise ValueError(f"names the key {name} twice")
        keys[name] = _key(name, key)
    return keys


def _key(name: str, written: str) -> bytes:
    try:
        key = base64.b64decode(written, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(
            f"the key {name} must be the base64 of {KEY_BYTES} bytes: openssl rand -base64 32"
        )
    return key
