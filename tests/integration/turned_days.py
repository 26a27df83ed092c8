"""Days as they will be later: what lapses by the clock lapses when a test turns it, not before."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from adapters.postgres.days import DayBook, DayVersion, FreshDay


@dataclass
class TurnedDays:
    """The database's days, whose clock is `ahead` of the database's own."""

    book: DayBook
    ahead: timedelta = timedelta()
    looks: int = 0

    async def version(self, doctor_id: UUID, day: date) -> DayVersion:
        found = await self.book.version(doctor_id, day)
        self.looks += 1
        return replace(found, now=found.now + self.ahead)

    async def day(self, doctor_id: UUID, day: date) -> FreshDay:
        found = await self.book.day(doctor_id, day)
        return replace(found, now=found.now + self.ahead)
