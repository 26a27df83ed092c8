"""Token buckets: how much each caller has left, the same for every process of the API."""

from redis.asyncio import Redis

from adapters.redis.bounded import Bounded

PREFIX = "priyom:bucket:"
MINUTE_MS = 60_000

# One number says how full a bucket is: the instant at which it would be full again (GCRA). The
# clock is the server's. Each token puts that instant off; a bucket that would need more than a
# minute to be full again is empty, and the answer is for how many milliseconds. Where the clock was
# set back, nobody waits for longer than a minute.
TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = tonumber(redis.call('GET', KEYS[1]) or 0)
local full = math.min(now + 60000, math.max(now, known))
local after = full + 60000 / tonumber(ARGV[1])
local wait = math.ceil(after - now - 60000)
if wait > 0 then return wait end
redis.call('SET', KEYS[1], string.format('%.3f', after), 'PX', math.ceil(after - now))
return 0
"""


class Buckets:
    """Each holds a minute's worth and fills evenly. If Redis is away, there is always enough."""

    def __init__(self, redis: Redis) -> None:
        self._take = redis.register_script(TAKE)
        self._bounded = Bounded("buckets")

    async def take(self, key: str, *, a_minute: int) -> float:
        """Take one; 0, or the seconds until there is one again."""
        keys, values = [f"{PREFIX}{key}"], [a_minute]
        wait = await self._bounded.ask(lambda: self._take(keys=keys, args=values))
        return wait / 1000 if isinstance(wait, int) else 0.0
