"""Token buckets: how much each caller has left, the same for every process of the API."""

from collections import OrderedDict

from redis.asyncio import Redis

from adapters.redis.bounded import PATIENCE_SECONDS, Bounded

PREFIX = "priyom:bucket:"
MINUTE_MS = 60_000

SHARE = 30
"""A process takes so large a part of a minute's worth at once, and asks no more until it is used.

So a caller may have that much less where several processes answer, and as much more after a pause.
"""
REMEMBERED = 4096
"""Callers of whom something is left."""

# One number says how full a bucket is: the instant at which it would be full again (GCRA). The
# clock is the server's. Each token puts that instant off; a bucket that would need more than a
# minute to be full again is empty. Where the clock was set back, nobody waits for longer than a
# minute. The answer is for how many milliseconds to wait, or, below zero, how many were taken.
TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = tonumber(redis.call('GET', KEYS[1]) or 0)
local full = math.min(now + 60000, math.max(now, known))
local each = 60000 / tonumber(ARGV[1])
local wait = math.ceil(full + each - now - 60000)
if wait > 0 then return wait end
local taken = math.max(1, math.min(tonumber(ARGV[2]), math.floor((now + 60000 - full) / each)))
local after = full + taken * each
redis.call('SET', KEYS[1], string.format('%.3f', after), 'PX', math.ceil(after - now))
return -taken
"""


class Buckets:
    """Each holds a minute's worth and fills evenly. If Redis is away, there is always enough."""

    def __init__(self, redis: Redis, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._take = redis.register_script(TAKE)
        self._bounded = Bounded("buckets", patience_seconds=patience_seconds)
        self._left: OrderedDict[str, int] = OrderedDict()

    async def take(self, key: str, *, a_minute: int) -> float:
        """Take one; 0, or the seconds until there is one again."""
        if self._use(key):
            return 0.0
        keys, values = [f"{PREFIX}{key}"], [a_minute, a_minute // SHARE]
        told = await self._bounded.ask(lambda: self._take(keys=keys, args=values))
        if not isinstance(told, int):
            return 0.0
        if told > 0:
            return told / 1000
        self._keep(key, -told - 1)
        return 0.0

    def _use(self, key: str) -> bool:
        """One of those that were taken before."""
        left = self._left.get(key, 0)
        if left > 1:
            self._left[key] = left - 1
        elif left == 1:
            del self._left[key]
        return left > 0

    def _keep(self, key: str, count: int) -> None:
        if count:
            self._left[key] = self._left.get(key, 0) + count
        if len(self._left) > REMEMBERED:
            self._left.popitem(last=False)
