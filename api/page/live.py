"""What an open page of the staff is told of: that it has to look again."""

from collections.abc import AsyncGenerator

from api.http.streams import Event
from api.schedule.live_days import LiveDays
from domain.day import DaySchedule


async def changes_of(live: LiveDays, first: DaySchedule) -> AsyncGenerator[Event]:
    """That the day is another now; the page itself shows how.

    It is told of once at the beginning: the page may have been made before the stream was open.
    """
    yield _news_of(first)
    async for later in live.changes(first):
        yield _news_of(later)


def _news_of(day: DaySchedule) -> Event:
    return Event(name="day", data={"doctorId": str(day.doctor_id), "version": day.version})
