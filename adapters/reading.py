"""Reads, which forgive a connection that died in the pool."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

Answer = TypeVar("Answer")


async def read(engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
    """Run `work` again where the pool's connection had died, as after a restart of PostgreSQL."""
    try:
        return await _once(engine, work)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    return await _once(engine, work)


async def _once(
    engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[Answer]]
) -> Answer:
    async with engine.connect() as connection:
        return await work(connection)
