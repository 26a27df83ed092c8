"""Redis as tests wait for it: a busy machine makes no miss of a hit, and gives nothing for free.

The product waits for 50 ms and goes on without. That has tests of its own.
"""

from redis.asyncio import Redis

from adapters.redis.buckets import Buckets
from adapters.redis.cache import DayCache
from tests.builders import SECRET

SECONDS = 5.0


def patient_cache(redis: Redis) -> DayCache:
    return DayCache(redis, SECRET, patience_seconds=SECONDS)


def patient_buckets(redis: Redis) -> Buckets:
    return Buckets(redis, patience_seconds=SECONDS)
