"""Signatures: only this key, this provider, this body, and not long ago."""

from datetime import UTC, datetime, timedelta

import pytest

from api.http.signatures import signature, signs

KEY, BODY = b"k" * 32, b'{"key":"1"}'
NOW = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
GOOD = signature(KEY, "sms", BODY, at=NOW)


@pytest.mark.parametrize("minutes", [-5, 0, 5])
def test_a_signature_of_a_moment_ago_is_good(minutes: int) -> None:
    assert signs(GOOD, KEY, "sms", BODY, now=NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("given", "key", "provider", "body", "now"),
    [
        (GOOD, b"x" * 32, "sms", BODY, NOW),
        (GOOD, KEY, "email", BODY, NOW),
        (GOOD, KEY, "sms", BODY + b" ", NOW),
        (GOOD, KEY, "sms", BODY, NOW + timedelta(minutes=6)),
        (GOOD, KEY, "sms", BODY, NOW - timedelta(minutes=6)),
        (GOOD.replace("t=", "t=1"), KEY, "sms", BODY, NOW),
        (GOOD + " ", KEY, "sms", BODY, NOW),
        ("", KEY, "sms", BODY, NOW),
        ("t=,v1=", KEY, "sms", BODY, NOW),
        (signature(b"", "sms", BODY, at=NOW), b"", "sms", BODY, NOW),
    ],
)
def test_any_other_is_not(
    given: str, key: bytes, provider: str, body: bytes, now: datetime
) -> None:
    assert not signs(given, key, provider, body, now=now)
