"""The cache of days over a Redis that is away in every way in which clients say so."""

from datetime import date
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from adapters.redis.cache import DayCache
from tests.builders import SECRET


class Away(Redis):
    """Answers every call with this fault."""

    def __init__(self, fault: Exception) -> None:
        super().__init__()
        self._fault = fault

    async def execute_command(self, *_words: object, **_options: object) -> object:
        raise self._fault


@pytest.mark.parametrize(
    "fault",
    [
        RedisConnectionError("closed"),
        ConnectionResetError("by peer"),
        TimeoutError("too late"),
        RuntimeError("unable to perform operation on <TCPTransport closed=True>"),
    ],
)
async def test_a_redis_that_is_away_is_a_miss_and_no_error(fault: Exception) -> None:
    cache = DayCache(Away(fault), SECRET)

    assert await cache.get(uuid4(), date(2030, 1, 14)) is None
