"""The cache of days over a Redis that is away in every way in which clients say so."""

from datetime import date
from uuid import uuid4

import pytest

from adapters.redis.cache import DayCache
from tests.builders import SECRET
from tests.fakes.redis_away import FAULTS, RedisAway


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_redis_that_is_away_is_a_miss_and_no_error(fault: Exception) -> None:
    cache = DayCache(RedisAway(fault), SECRET)

    assert await cache.get(uuid4(), date(2030, 1, 14)) is None
