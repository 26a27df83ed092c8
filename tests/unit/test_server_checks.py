"""A server that is away at the start is no server that turns us away."""

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from adapters.process import server_checks
from tests.fakes.redis_away import FAULTS, RedisAway

URL = "redis://127.0.0.1:1/0"


def answered_by(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(url: str, *, name: str) -> Redis:
        assert (url, name) == (URL, "priyom-start")
        return RedisAway(fault)

    monkeypatch.setattr(server_checks, "connect_redis", connect)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_redis_that_is_away_in_any_way_refuses_nobody(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered_by(fault, monkeypatch)

    assert await server_checks.redis_refuses(URL) is None


async def test_a_redis_that_knows_no_such_user_refuses_us(monkeypatch: pytest.MonkeyPatch) -> None:
    answered_by(AuthenticationError("WRONGPASS"), monkeypatch)

    assert await server_checks.redis_refuses(URL) == server_checks.USER
