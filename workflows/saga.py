"""A saga: every step names its undo, and a way out of the block undoes the steps taken."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

from domain.errors import Refused

Done = TypeVar("Done")
Undo = Callable[[], Awaitable[object]]

FAILURES = (Refused, FailureError, TimeoutError)
"""How a step fails. Every other exception is a bug, which fails the workflow task, not the run."""


class UndoFailed(ApplicationError):
    """A step could not be undone: the run fails, and somebody must look."""

    def __init__(self, failures: list[Exception]) -> None:
        what = ", ".join(str(failure) or type(failure).__name__ for failure in failures)
        super().__init__(f"not undone: {what}", type="undo_failed", non_retryable=True)


class Saga:
    """Undo, last first, what was done before a refusal, a failure, a timeout or a cancel.

    The undo is recorded before its step runs, since a step that timed out may have happened. It
    must be idempotent and do nothing where there is nothing to undo. A step that was refused did
    not happen. A bug undoes nothing: its workflow task is tried again once the bug is mended. Nor
    does an eviction, in which the SDK lets no step begin.
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

    async def compensate(self) -> None:
        """Undo the steps, last first; a cancel does not break it off.

        A failed undo keeps no other one from its turn.
        """
        await run_to_completion(self._undo_all())

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        why: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if why is not None and (isinstance(why, FAILURES) or is_cancelled_exception(why)):
            await self.compensate()

    async def _undo_all(self) -> None:
        failures: list[Exception] = []
        while self._undos:
            try:
                await self._undos.pop()()
            except FAILURES as failure:
                failures.append(failure)
        if failures:
            raise UndoFailed(failures) from failures[0]


async def run_to_completion(process: Coroutine[Any, Any, Done]) -> Done:
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
