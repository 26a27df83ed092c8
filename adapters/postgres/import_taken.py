"""The time that is taken, as an import sees it while it decides."""

from collections import defaultdict
from dataclasses import dataclass, field
from uuid import UUID

from domain.slot import Interval

NOBODY = (None, None)
"""Whom no telephone and no e-mail reaches: two of one name need not be one person."""

Person = tuple[str, str | None, str | None]


class Taken:
    """The time that doctors and patients have taken, by whose it is."""

    def __init__(self) -> None:
        self._of: dict[UUID, dict[UUID, Interval]] = defaultdict(dict)
        self._whose: dict[UUID, tuple[UUID, UUID]] = {}

    def add(self, appointment_id: UUID, whose: tuple[UUID, UUID], span: Interval) -> None:
        self._whose[appointment_id] = whose
        for each in whose:
            self._of[each][appointment_id] = span

    def drop(self, appointment_id: UUID) -> None:
        for each in self._whose.pop(appointment_id, ()):
            del self._of[each][appointment_id]

    def meets(self, who: UUID, span: Interval, *, but: UUID | None = None) -> bool:
        return any(each.overlaps(span) for key, each in self._of[who].items() if key != but)


@dataclass(kw_only=True)
class Overlay:
    """What a dry run would have written before: nobody else will ever see it."""

    people: dict[Person, UUID] = field(default_factory=dict)
    decided: set[UUID] = field(default_factory=set)
    taken: Taken = field(default_factory=Taken)
    shifts: dict[UUID, list[Interval]] = field(default_factory=lambda: defaultdict(list))
