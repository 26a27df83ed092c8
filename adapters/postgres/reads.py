"""Reads, which forgive a connection that died in the pool."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

Answer = TypeVar("Answer")


async def read(engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
    """Run `work` again where the pool's connection had died, as after a restart of PostgreSQL."""

    async def once() -> Answer:
        async with engine.connect() as connection:
            return await work(connection)

    return await again_if_it_was_dead(once)


async def again_if_it_was_dead(once: Callable[[], Awaitable[Answer]]) -> Answer:
    """Call it again, once, if it failed for a connection that had died."""
    try:
        return await once()
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    return await once()
