"""A saga: every step names its undo, and a way out of the block undoes the steps taken."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from temporalio.exceptions import FailureError

from domain.errors import Refused

Done = TypeVar("Done")
Undo = Callable[[Exception], Awaitable[object]]


class Saga:
    """Undo, last first, what was done before a refusal or a failure; leave it alone on a bug.

    The undo is recorded before the step runs, since a step that timed out may have happened; it
    must be idempotent and do nothing when there is nothing to undo. A step that was refused did
    not happen. Bugs and evictions raise other exceptions: the workflow task is tried again later,
    and nothing is undone.
    """

    def __init__(self) -> None:
        self._undos: list[Undo] = []

    async def __aenter__(self) -> Self:
        return self

    async def step(self, do: Callable[[], Awaitable[Done]], *, undo: Undo) -> Done:
        self._undos.append(undo)
        try:
            return await do()
        except Refused:
            self._undos.pop()
            raise

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        why: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if isinstance(why, Refused | FailureError):
            while self._undos:
                await self._undos.pop()(why)


async def uninterrupted(process: Coroutine[Any, Any, Done]) -> Done:
    """Run a process that a Temporal cancel does not break off in the middle of a step.

    The process itself looks at `workflow.cancellation_reason()` where it may be stopped.
    """
    task = asyncio.create_task(process)
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.done():
                raise
