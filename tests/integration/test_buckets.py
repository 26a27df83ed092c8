"""Token buckets on a real server: how much is in one, and how it fills again."""

import asyncio
import time
from uuid import uuid4

import httpx
import pytest

from adapters.postgres.database import Database
from adapters.redis.buckets import PREFIX
from adapters.redis.cache import connect_redis
from tests.fakes.issuer import FakeIssuer
from tests.integration.conftest import serving
from tests.patience import patient_buckets

FAR_TOO_OFTEN = 20
"""Three a minute are allowed, and one more every twenty seconds."""


async def test_a_bucket_holds_a_minutes_worth_and_fills_evenly(cache_url: str) -> None:
    redis = connect_redis(cache_url, name="test")
    key, buckets = f"test:{uuid4()}", patient_buckets(redis)

    taken = 0
    while not (wait := await buckets.take(key, a_minute=60)):
        taken += 1

    assert 60 <= taken <= 70
    assert 0 < wait <= 1
    await asyncio.sleep(wait)
    assert await buckets.take(key, a_minute=60) == 0
    assert await buckets.take(f"{key}:other", a_minute=1) == 0
    assert 40 < await buckets.take(f"{key}:other", a_minute=1) <= 60
    assert 0 < await redis.pttl(f"{PREFIX}{key}") <= 60_000
    await redis.aclose()


async def test_a_clock_that_was_set_back_keeps_nobody_waiting(cache_url: str) -> None:
    redis = connect_redis(cache_url, name="test")
    key, buckets = f"test:{uuid4()}", patient_buckets(redis)
    in_an_hour = (time.time() + 3600) * 1000
    await redis.set(f"{PREFIX}{key}", str(in_an_hour))

    wait = await buckets.take(key, a_minute=60)

    assert 0 < wait <= 1
    await redis.aclose()


async def test_what_one_process_has_taken_ahead_no_other_gives(
    cache_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.redis.buckets.SHARE", 2)
    redis = connect_redis(cache_url, name="test")
    key, (first, second, third) = f"test:{uuid4()}", (patient_buckets(redis) for _ in range(3))

    assert [await first.take(key, a_minute=6), await second.take(key, a_minute=6)] == [0, 0]
    refused = await third.take(key, a_minute=6)
    rest = [await each.take(key, a_minute=6) for each in (first, first, second, second)]

    assert 0 < refused <= 10
    assert rest == [0, 0, 0, 0]
    assert 0 < await first.take(key, a_minute=6) <= 10
    await redis.aclose()


async def test_of_few_callers_it_is_remembered_what_is_left(
    cache_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.redis.buckets.SHARE", 1)
    monkeypatch.setattr("adapters.redis.buckets.REMEMBERED", 1)
    redis = connect_redis(cache_url, name="test")
    anna, boris, buckets = f"test:{uuid4()}", f"test:{uuid4()}", patient_buckets(redis)

    assert await buckets.take(anna, a_minute=6) == 0
    assert await buckets.take(boris, a_minute=6) == 0

    assert 0 < await buckets.take(anna, a_minute=6) <= 10, "hers is forgotten, and was taken"
    assert await buckets.take(boris, a_minute=6) == 0
    await redis.aclose()


async def test_the_api_refuses_who_asks_too_often(
    clinic_database: Database,
    cache_url: str,
    issuer: FakeIssuer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.services.Buckets", patient_buckets)
    named = {"sign_in": "on", "oidc_issuer": issuer.url, "rate_limit": "2,3"}
    async with (
        serving(clinic_database, cache_url, **named) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as http,
    ):
        passed = 0
        while (answer := await http.get("/clinics")).status_code == 200 and passed < FAR_TOO_OFTEN:
            passed += 1

    assert 3 <= passed < FAR_TOO_OFTEN
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 20
