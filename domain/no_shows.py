"""What missed appointments lead to: whoever has too many that count books by the desk alone."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.clinic_rules import ClinicRules, forbidden
from domain.durations import Duration


class KeptBecause(StrEnum):
    """Why the clinic keeps a mark that the patient says is wrong."""

    NOT_SEEN = "not_seen"
    CAME_TOO_LATE = "came_too_late"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Missed:
    """What a patient has missed at one clinic, as its rule counts it: at `most` the desk books.

    `counts_until` has the end of each that counts, the first to end first.
    """

    most: int
    within: Duration
    counts_until: tuple[datetime, ...]

    @property
    def counted(self) -> int:
        return len(self.counts_until)

    @property
    def desk_until(self) -> datetime | None:
        """When this patient may book online again; null for whoever may."""
        return self.counts_until[-self.most] if self.counted >= self.most else None

    @property
    def desk_if_once_more(self) -> datetime | None:
        """Until when the desk alone would book, where the next one missed leads to that.

        Null where it does not, or has come so already. Where a single one is too many, the
        next has no end yet.
        """
        is_last = self.counted == self.most - 1 and self.counted > 0
        return self.counts_until[0] if is_last else None


def missed(
    rules: ClinicRules, beginnings: Collection[datetime], *, now: datetime, zone: ZoneInfo
) -> Missed | None:
    """`beginnings` of the visits that are marked as missed; null where the clinic has no rule."""
    most, within = rules.max_no_shows, rules.no_shows_within
    if most is None or within is None:
        return None
    ends = sorted(within.after(each, zone) for each in beginnings)
    return Missed(most=most, within=within, counts_until=tuple(each for each in ends if each > now))


def refuse_missed(found: Missed | None) -> None:
    """Too many that count: the desk books, until enough of them count no longer."""
    if found is not None and found.desk_until is not None:
        raise forbidden("maxNoShows", found.most, found.counted)
