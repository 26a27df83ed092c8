"""Dates, times and zones in the patient's language, by the clinic's wall clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from babel.dates import format_datetime, get_timezone_name
from babel.units import format_unit

from adapters.messages.visit import Visit


@dataclass(frozen=True, kw_only=True)
class When:
    """One visit's time, written out: `day` вторник, 24 ноября 2026 · `time` 10:30 · `short` 24.11.

    `lasts` 30 минут.
    """

    day: str
    time: str
    until: str
    lasts: str
    short: str
    zone: str
    offset: str


def when(visit: Visit) -> When:
    start, language = visit.local_start, visit.language.value
    return When(
        day=format_datetime(start, "EEEE, d MMMM y", locale=language),
        time=format_datetime(start, "HH:mm", locale=language),
        until=format_datetime(visit.local_end, "HH:mm", locale=language),
        lasts=format_unit(_minutes(visit), "duration-minute", "long", locale=language),
        short=format_datetime(start, "d MMM" if language == "en" else "dd.MM", locale=language),
        zone=get_timezone_name(start, locale=language),
        offset=_offset(start),
    )


def _minutes(visit: Visit) -> int:
    return (visit.ends_at - visit.starts_at) // timedelta(minutes=1)


def _offset(instant: datetime) -> str:
    """UTC+3, UTC+5:30, UTC-3: as people write it."""
    minutes = (instant.utcoffset() or timedelta()) // timedelta(minutes=1)
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")


def surname_and_initials(full_name: str) -> str:
    """The surname whole, the other names by their first letter; a single name stays."""
    surname, *names = full_name.split() or [""]
    return " ".join([surname, *(f"{name[0]}." for name in names)])
