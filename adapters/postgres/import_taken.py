"""The time that is taken, as an import sees it while it decides."""

from collections import defaultdict
from dataclasses import dataclass, field
from uuid import UUID

from adapters.postgres.import_people import People
from domain.slot import Interval

Place = tuple[UUID, int]
"""Somebody's day: what is asked of a span is found among the few spans of its days."""

SECONDS_A_DAY = 86_400


class Taken:
    """The time that doctors and patients have taken, by whose it is."""

    def __init__(self) -> None:
        self._at: dict[Place, dict[UUID, Interval]] = defaultdict(dict)
        self._places: dict[UUID, list[Place]] = {}

    def add(self, appointment_id: UUID, whose: tuple[UUID, UUID], span: Interval) -> None:
        self._places[appointment_id] = [place for who in whose for place in places_of(who, span)]
        for place in self._places[appointment_id]:
            self._at[place][appointment_id] = span

    def drop(self, appointment_id: UUID) -> None:
        for place in self._places.pop(appointment_id, ()):
            del self._at[place][appointment_id]

    def meets(self, who: UUID, span: Interval, *, but: UUID | None = None) -> bool:
        return any(
            each.overlaps(span)
            for place in places_of(who, span)
            for key, each in self._at[place].items()
            if key != but
        )


class Opened:
    """The time that a dry run would have opened, by whose it is."""

    def __init__(self) -> None:
        self._at: dict[Place, list[Interval]] = defaultdict(list)

    def add(self, who: UUID, span: Interval) -> None:
        for place in places_of(who, span):
            self._at[place].append(span)

    def at(self, place: Place) -> list[Interval]:
        return self._at[place]


def places_of(who: UUID, span: Interval) -> list[Place]:
    """None is longer than a working day, so there are two at most."""
    days = {int(each.timestamp() // SECONDS_A_DAY) for each in (span.starts_at, span.ends_at)}
    return [(who, day) for day in days]


@dataclass(kw_only=True)
class Overlay:
    """What a dry run would have written before: nobody else will ever see it."""

    people: People = field(default_factory=People)
    decided: set[UUID] = field(default_factory=set)
    taken: Taken = field(default_factory=Taken)
    shifts: Opened = field(default_factory=Opened)
