"""Waits for conditions that other processes bring about, by polling."""

import asyncio
import time
from collections.abc import Awaitable, Callable

EVERY = 0.03

IN_TIME = 120.0
"""Seconds, enough on a machine that has other work: what comes true sooner ends the wait."""


async def until(holds: Callable[[], bool], what: str, *, within: float = IN_TIME) -> None:
    """AssertionError says what did not become true in time."""

    async def ask() -> bool:
        return holds()

    await until_seen(ask, what, within=within)


async def until_seen(
    holds: Callable[[], Awaitable[bool]],
    what: str,
    *,
    within: float = IN_TIME,
    every: float = EVERY,
) -> None:
    """The same for an asynchronous condition."""
    latest = time.monotonic() + within
    while not await holds():
        if time.monotonic() > latest:
            raise AssertionError(f"not within {within:g} s: {what}")
        await asyncio.sleep(every)
