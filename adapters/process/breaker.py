"""A circuit breaker: a server that failed several times in a row is left alone for a while."""

FAILURES_IN_A_ROW = 3
PAUSE_SECONDS = 1.0


class Breaker:
    """Counts failures. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._failures = 0
        self._again_at = 0.0

    def lets_through(self, now: float) -> bool:
        """Whether to call the server. After each pause one caller may try."""
        if self._failures < FAILURES_IN_A_ROW:
            return True
        if now < self._again_at:
            return False
        self._again_at = now + PAUSE_SECONDS
        return True

    def succeeded(self) -> bool:
        """Record a success. True if it ended an outage."""
        was_open = self._failures >= FAILURES_IN_A_ROW
        self._failures = 0
        return was_open

    def failed(self, now: float) -> bool:
        """Record a failure. True if it began an outage."""
        self._failures += 1
        self._again_at = now + PAUSE_SECONDS
        return self._failures == FAILURES_IN_A_ROW
