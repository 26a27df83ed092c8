"""Sessions of signed-in browsers, and what is kept while one signs in; each ends by itself."""

import json
from collections.abc import Mapping

from redis.asyncio import Redis

from adapters.redis.bounded import AWAY

PREFIX = "priyom:session:"


class StoreAway(Exception):
    """Nothing can be kept or found just now."""


class SessionStore:
    """Small records by an unguessable id, each with an end."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def keep(self, key: str, record: Mapping[str, object], seconds: int) -> None:
        try:
            await self._redis.set(f"{PREFIX}{key}", json.dumps(record), ex=max(1, seconds))
        except AWAY as error:
            raise StoreAway from error

    async def find(self, key: str) -> dict[str, object] | None:
        try:
            found = await self._redis.get(f"{PREFIX}{key}")
        except AWAY as error:
            raise StoreAway from error
        return None if found is None else _record(found)

    async def take(self, key: str) -> dict[str, object] | None:
        """Once: it is gone afterwards."""
        try:
            found = await self._redis.getdel(f"{PREFIX}{key}")
        except AWAY as error:
            raise StoreAway from error
        return None if found is None else _record(found)

    async def drop(self, key: str) -> None:
        try:
            await self._redis.delete(f"{PREFIX}{key}")
        except AWAY as error:
            raise StoreAway from error


def _record(found: bytes | str) -> dict[str, object] | None:
    record = json.loads(found)
    return record if isinstance(record, dict) else None
