"""One at a time where one will do: simultaneous callers wait for the first instead of racing it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class KeyLocks(Generic[Key]):
    """Whose turn it is for each key; those who wait look again when the turn has ended."""

    def __init__(self) -> None:
        self._running: dict[Key, asyncio.Event] = {}

    def is_free(self, key: Key) -> bool:
        return key not in self._running

    async def end_of(self, key: Key) -> None:
        """Wait until the turn that runs now has ended, however it ends."""
        running = self._running.get(key)
        if running is not None:
            await running.wait()

    @asynccontextmanager
    async def turn(self, key: Key) -> AsyncIterator[None]:
        """Take the turn; it must be free, which nobody can change between asking and taking."""
        if key in self._running:
            raise RuntimeError("another caller has the turn")
        ended = self._running[key] = asyncio.Event()
        try:
            yield
        finally:
            del self._running[key]
            ended.set()


class SingleFlight(Generic[Key, Answer]):
    """One answer for all who ask the same while it is on its way."""

    def __init__(self) -> None:
        self._coming: dict[Key, asyncio.Task[Answer]] = {}

    async def ask(self, key: Key, find: Callable[[], Awaitable[Answer]]) -> Answer:
        task = self._coming.get(key)
        if task is None:
            task = asyncio.ensure_future(find())
            self._coming[key] = task
            task.add_done_callback(lambda _: self._coming.pop(key, None))
        return await asyncio.shield(task)
