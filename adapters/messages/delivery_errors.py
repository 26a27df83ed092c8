"""Why a provider did not take a message: codes only, since a provider's text may name people."""

from datetime import timedelta

UNANSWERED = "smtp_unanswered"
"""The server has the whole letter and has not said whether it took it: the next may be a copy."""

UNANSWERED_TILL_MORNING = "quiet_hours_unanswered"
"""The same, where the next try waits for the morning."""

MAY_HAVE_ARRIVED = [UNANSWERED, UNANSWERED_TILL_MORNING]


class Undelivered(Exception):
    """A provider did not take a message; `code` says why, such as `smtp_451` or `sms_503`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class RefusedForGood(Undelivered):
    """The same message will be refused however often it is sent."""


class TryLater(Undelivered):
    """The provider is away or busy; `after` is what it asked for, if it did."""

    def __init__(self, code: str, after: timedelta | None = None) -> None:
        super().__init__(code)
        self.after = after
