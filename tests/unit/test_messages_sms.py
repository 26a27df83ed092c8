"""How long a gateway asks us to wait."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.messages.sms import retry_after

NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None),
        ("7", timedelta(seconds=7)),
        ("-5", timedelta()),
        ("Tue, 24 Nov 2026 07:01:00 GMT", timedelta(minutes=1)),
        ("Tue, 24 Nov 2026 06:00:00 GMT", timedelta()),
        ("99999999", timedelta(hours=1)),
        ("soon", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_an_hour(
    header: str | None, wait: timedelta | None
) -> None:
    assert retry_after(header, now=NOW) == wait
