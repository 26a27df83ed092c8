"""What of a search for free slots is understood, and what is malformed."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI

from domain.search import TimesWished, cut

LONDON, KOLKATA = ZoneInfo("Europe/London"), ZoneInfo("Asia/Kolkata")
EVERY_DAY = frozenset(range(1, 8))


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://clinic.test") as client:
        yield client


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("weekdays=0", "weekdays"),
        ("weekdays=1,,2", "weekdays"),
        ("weekdays=8", "weekdays"),
        ("earliest=5pm", "earliest"),
        ("earliest=24:00", "earliest"),
        ("latest=17:00:00", "latest"),
        ("earliest=17:00&latest=16:00", "latest"),
        ("from=2027-03-02&until=2027-03-01", "until"),
        ("from=tomorrow", "from"),
        ("doctorId=x", "doctorId"),
        ("limit=101", "limit"),
        ("cursor=x", "cursor"),
        ("when=now", "when"),
    ],
)
async def test_a_search_that_cannot_be_understood_is_malformed(
    query: str, field: str, http: httpx.AsyncClient
) -> None:
    answer = await http.get(f"/api/v1/slots?{query}")

    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")
    assert answer.json()["errors"][0]["field"] == field


def test_every_time_that_fits_lies_in_the_spans_that_are_looked_at() -> None:
    """Also in the nights when clocks are moved."""
    wish = TimesWished(
        first_day=date(2027, 10, 29),
        last_day=date(2027, 11, 1),
        weekdays=EVERY_DAY - {6},
        earliest=time(0, 45),
        latest=time(1, 30),
    )
    begin = datetime(2027, 10, 28, tzinfo=UTC)
    instants = [begin + timedelta(minutes=15 * nth) for nth in range(5 * 96)]
    spans = wish.spans([LONDON, KOLKATA], begin)

    for zone in (LONDON, KOLKATA):
        fitting = [each for each in instants if wish.fits(each, zone)]
        assert fitting
        for each in fitting:
            assert any(span.starts_at <= each < span.ends_at for span in spans)


def test_the_spans_are_cut_without_losing_time() -> None:
    wish = TimesWished(
        last_day=date(2027, 3, 4), weekdays=EVERY_DAY, earliest=time(9), latest=time(10, 59)
    )
    spans = wish.spans([LONDON], datetime(2027, 3, 1, tzinfo=UTC))

    near, rest = cut(spans, timedelta(hours=3))

    assert len(spans) == 4
    assert sum((each.ends_at - each.starts_at for each in near), timedelta()) == timedelta(hours=3)
    assert near[-1].ends_at == rest[0].starts_at


def test_a_search_of_no_weekday_has_nothing_to_look_at() -> None:
    wish = TimesWished(weekdays=frozenset(), earliest=time(9), latest=time(10))

    assert wish.spans([LONDON], datetime(2027, 3, 1, tzinfo=UTC)) == []
