"""Tasks of workflows run in the event loop's own thread (docs/decisions/0017).

A task of ours takes a fraction of a millisecond, and there are six or seven in a booking: handing
each to a thread and back, and waiting for the interpreter's lock beside the loop, cost more than
some of them.
"""

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context
from typing import Any, TypeVar

Answer = TypeVar("Answer")

TRIED = (3, 11)
"""The version of Python in which a loop inside a loop was tried."""


class InTurn(ThreadPoolExecutor):
    """Does what is submitted at once, in the thread that submits it, and has no others."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)

    def submit(self, work: Callable[..., Answer], /, *args: Any, **named: Any) -> Future[Answer]:
        """A task is the running loop of its thread, and leaves none: ours is put back."""
        done: Future[Answer] = Future()
        ours = asyncio._get_running_loop()  # noqa: SLF001 - the public one raises where there is none
        try:
            done.set_result(Context().run(work, *args, **named))
        except BaseException as error:  # noqa: BLE001 - whoever awaits the future is told
            done.set_exception(error)
        finally:
            asyncio._set_running_loop(ours)  # noqa: SLF001 - there is no public way
        return done


def in_turn() -> InTurn | None:
    """None, which means threads, for a version of Python in which it was not tried."""
    return InTurn() if sys.version_info[:2] == TRIED else None
