"""Whether Temporal writes what this process asks it to: a server that only reads looks well.

Its store may be full. Then a namespace is still described, and no run is begun.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

STUCK_AFTER_SECONDS = 3.0
BELIEVED_SECONDS = 10.0
"""After this the next start shows whether it is so still: nobody sends one to who is not ready."""

NOT_A_FAULT = {RPCStatusCode.RESOURCE_EXHAUSTED, RPCStatusCode.CANCELLED}
"""A limit, or a caller who has left."""


class Starts:
    """The starts of runs that this process has asked for."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._under_way: dict[object, float] = {}
        self._written_at = self._failed_at = -math.inf

    @contextmanager
    def one(self) -> Iterator[None]:
        """Around the call that starts a run."""
        call = object()
        self._under_way[call] = self._clock()
        try:
            yield
        except WorkflowAlreadyStartedError:
            self._written_at = self._clock()
            raise
        except RPCError as error:
            if error.status not in NOT_A_FAULT:
                self._failed_at = self._clock()
            raise
        else:
            self._written_at = self._clock()
        finally:
            del self._under_way[call]

    @property
    def are_written(self) -> bool:
        """Unless the last one failed lately, or one hangs and none was written after it began."""
        now = self._clock()
        if self._failed_at > self._written_at and now - self._failed_at < BELIEVED_SECONDS:
            return False
        oldest = min(self._under_way.values(), default=now)
        return now - oldest < STUCK_AFTER_SECONDS or self._written_at > oldest


STARTS = Starts()
"""Of this process."""
