"""Exceptions from plans: time that is taken away, such as a leave, or added, by the wall clock."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.plan import instant_of
from domain.slot import Interval
from domain.spans import without


class ExceptionKind(StrEnum):
    """What an exception does to the shifts."""

    REMOVE = "remove"
    ADD = "add"


class ExceptionReason(StrEnum):
    """Why there is an exception."""

    VACATION = "vacation"
    ILLNESS = "illness"
    TRAINING = "training"
    OTHER = "other"


class Policy(StrEnum):
    """What is done about a visit whose patient does not answer."""

    CALL_LIST = "call_list"
    MOVE = "move"
    CANCEL = "cancel"


@dataclass(frozen=True, kw_only=True)
class PlanException:
    """From one time of the clinic's wall clock to another; both are without a zone."""

    kind: ExceptionKind
    start: datetime
    until: datetime

    def span(self, zone: ZoneInfo) -> Interval:
        return Interval(
            starts_at=instant_of(self.start, zone), ends_at=instant_of(self.until, zone)
        )


def excepted(
    shifts: Iterable[Interval],
    exceptions: Iterable[PlanException],
    zone: ZoneInfo,
    window: Interval,
) -> list[Interval]:
    """The shifts of this window after each exception, in the order in which they were made."""
    left = list(shifts)
    for each in exceptions:
        span = parts_in([each.span(zone)], [window])
        if each.kind is ExceptionKind.REMOVE:
            left = without(left, span)
        else:
            left += without(span, left)
    return sorted(left, key=lambda shift: shift.starts_at)


def parts_in(spans: Iterable[Interval], windows: Iterable[Interval]) -> list[Interval]:
    """What of each span lies in the windows."""
    known = list(spans)
    return without(known, without(known, windows))
