"""Several processes on one listening socket; the parent only keeps them alive."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable

PAUSE_SECONDS = 1.0
"""Before a child that died is replaced."""


def serve_in_children(count: int, serve: Callable[[], int]) -> int:
    """Run `serve` in so many children until told to stop; one that dies is replaced.

    Call before anything has started a thread or a loop. The children end with the parent, however
    it dies.
    """
    ours, theirs = os.pipe()  # theirs is open in the parent alone: its end tells the children
    stopping = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            os.close(theirs)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    children = {_child(serve, ours, theirs) for _ in range(count)}
    while children:
        ended, _ = os.wait()
        children.discard(ended)
        if not stopping:
            time.sleep(PAUSE_SECONDS)
        if not stopping:
            children.add(_child(serve, ours, theirs))
    return 0


def _child(serve: Callable[[], int], ours: int, theirs: int) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        with contextlib.suppress(OSError):  # the parent was told to stop meanwhile
            os.close(theirs)
        threading.Thread(target=_end_with_parent, args=(ours,), daemon=True).start()
        code = serve()
    finally:
        os._exit(code)


def _end_with_parent(ours: int) -> None:
    os.read(ours, 1)
    os.kill(os.getpid(), signal.SIGTERM)
