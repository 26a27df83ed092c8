"""Durations of ISO 8601, by a wall clock: a day later is the same time on the next date."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_WRITTEN = re.compile(
    r"P(?=.)(?:(\d{1,2})Y)?(?:(\d{1,3})M)?(?:(\d{1,3})W)?(?:(\d{1,4})D)?"
    r"(?:T(?=.)(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?",
    re.ASCII,
)
LONGEST = timedelta(days=120 * 31)
_MONTHS_A_YEAR = 12
_LONGEST_MONTH = 31


@dataclass(frozen=True, kw_only=True)
class Duration:
    """`written` is how it was given. Months and days are the calendar's, seconds elapse."""

    written: str
    months: int = 0
    days: int = 0
    seconds: int = 0

    def after(self, instant: datetime, zone: ZoneInfo) -> datetime:
        return self._moved(instant, zone, 1)

    def before(self, instant: datetime, zone: ZoneInfo) -> datetime:
        return self._moved(instant, zone, -1)

    def _moved(self, instant: datetime, zone: ZoneInfo, sign: int) -> datetime:
        """Where the calendar's day has no such time, it is as if the clocks had not changed yet."""
        local = instant.astimezone(zone)
        if self.months:
            local = _in_months(local, sign * self.months)
        local += timedelta(days=sign * self.days)
        return local.astimezone(UTC) + timedelta(seconds=sign * self.seconds)


def parse_duration(written: str) -> Duration:
    """Raises ValueError for what is none, is nothing, or is longer than ten years."""
    found = _WRITTEN.fullmatch(written)
    if found is None:
        raise ValueError("must be an ISO 8601 duration, as P1D or PT2H30M")
    years, months, weeks, days, hours, minutes, seconds = (
        int(each or 0) for each in found.groups()
    )
    read = Duration(
        written=written,
        months=years * _MONTHS_A_YEAR + months,
        days=weeks * 7 + days,
        seconds=(hours * 60 + minutes) * 60 + seconds,
    )
    length = timedelta(days=read.months * _LONGEST_MONTH + read.days, seconds=read.seconds)
    if length > LONGEST:
        raise ValueError("must be at most ten years")
    return read


def spelled(length: timedelta) -> str:
    """P1DT3H0M5S without what is null: whole seconds of elapsed time."""
    whole = int(length.total_seconds())
    sign, whole = ("-", -whole) if whole < 0 else ("", whole)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((hours, "H"), (minutes, "M"), (seconds, "S"))
    date = f"{days}D" if days else ""
    time = "".join(f"{count}{unit}" for count, unit in parts if count)
    if not date and not time:
        return "PT0S"
    return f"{sign}P{date}" + (f"T{time}" if time else "")


def _in_months(local: datetime, months: int) -> datetime:
    """The same day of the month, or the month's last."""
    year, month = divmod(local.year * _MONTHS_A_YEAR + local.month - 1 + months, _MONTHS_A_YEAR)
    return local.replace(
        year=year, month=month + 1, day=min(local.day, monthrange(year, month + 1)[1])
    )
