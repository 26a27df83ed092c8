"""What pages show of exceptions from plans as a calendar: a month of a clinic, day by day."""

from calendar import Calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial

from adapters.postgres.database import Database
from adapters.postgres.directory import Clinic
from adapters.postgres.exception_rows import ListedException, exceptions_between
from adapters.postgres.reads import read_by_cursor
from api.http.schemas import LAST_YEAR
from api.page.exceptions import today_at

DAY = timedelta(days=1)
MORE_THAN_A_MONTH = timedelta(days=31)
WEEKS = Calendar()
"""That begin on Monday."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """An exception on one day; `hours` is null where it has all of the day."""

    listed: ListedException
    hours: str | None


@dataclass(frozen=True, kw_only=True)
class CalendarDay:
    """A day and what is closed or added on it."""

    day: date
    marks: list[Mark]


@dataclass(frozen=True, kw_only=True)
class CalendarMonth:
    """Weeks of seven, Monday first; a day of another month is null.

    `earlier` and `later` are the first days of the months that are next to it, where they can be
    looked at. `is_leafed`: somebody has come to it from another month.
    """

    first: date
    today: date
    weeks: list[list[CalendarDay | None]]
    earlier: date | None
    later: date | None
    chosen: CalendarDay | None
    is_leafed: bool


async def month_of(
    database: Database, clinic: Clinic, *, month: date | None, chosen: date | None
) -> CalendarMonth:
    """The month of that date, else the one of the day that is chosen, else this one."""
    today = today_at(clinic)
    first = max(month or chosen or today, today).replace(day=1)
    later = (first + MORE_THAN_A_MONTH).replace(day=1)
    ask = partial(
        exceptions_between,
        clinic_id=clinic.clinic_id,
        since=datetime.combine(first, time()),
        until=datetime.combine(later, time()),
    )
    listed = await read_by_cursor(database, ask)
    days = {each: _on(each, listed) for each in WEEKS.itermonthdates(first.year, first.month)}
    return CalendarMonth(
        first=first,
        today=today,
        weeks=[
            [days[each] if each.month == first.month else None for each in week]
            for week in WEEKS.monthdatescalendar(first.year, first.month)
        ],
        earlier=(first - DAY).replace(day=1) if first > today else None,
        later=later if later.year <= LAST_YEAR else None,
        chosen=days.get(chosen) if chosen is not None and chosen >= today else None,
        is_leafed=month is not None and chosen is None,
    )


def _on(day: date, listed: Sequence[ListedException]) -> CalendarDay:
    begins = datetime.combine(day, time())
    ends = begins + DAY
    return CalendarDay(
        day=day,
        marks=[
            Mark(listed=each, hours=_hours(each, begins, ends))
            for each in listed
            if each.made.what.start < ends and begins < each.made.what.until
        ],
    )


def _hours(each: ListedException, begins: datetime, ends: datetime) -> str | None:
    start, until = max(each.made.what.start, begins), min(each.made.what.until, ends)
    if (start, until) == (begins, ends):
        return None
    return f"{start:%H:%M}\N{EN DASH}{'24:00' if until == ends else f'{until:%H:%M}'}"
