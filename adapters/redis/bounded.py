"""Questions to Redis that nobody waits long for: where it is away or slow, there is no answer."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from redis.exceptions import RedisError

from adapters.process.breaker import Breaker

AWAY = (RedisError, OSError, TimeoutError, RuntimeError)
"""What a call to a Redis that is away may raise; uvloop says by a RuntimeError that a connection
was reset a moment ago."""

PATIENCE_SECONDS = 0.05
"""How long a caller waits. PostgreSQL is not much slower."""

log = structlog.stdlib.get_logger(__name__)


class Bounded:
    """Asks for one purpose, which the log names; a Redis that fails is left alone for a while."""

    def __init__(self, purpose: str, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._purpose = purpose
        self._patience = patience_seconds
        self._breaker = Breaker()

    async def ask(self, call: Callable[[], Awaitable[object]]) -> object:
        """The reply, or null."""
        clock = asyncio.get_running_loop().time
        if not self._breaker.lets_through(clock()):
            return None
        try:
            async with asyncio.timeout(self._patience):
                reply = await call()
        except AWAY as error:
            if self._breaker.failed(clock()):
                log.warning("redis_lost", purpose=self._purpose, error=type(error).__name__)
            return None
        if self._breaker.succeeded():
            log.info("redis_recovered", purpose=self._purpose)
        return reply
