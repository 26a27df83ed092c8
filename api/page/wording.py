"""Days, times and names as a page writes them, by the clinic's wall clock."""

import re
from datetime import UTC, date, datetime, timedelta
from math import ceil

from babel.dates import format_date, format_time, get_timezone_location
from babel.units import format_unit
from markupsafe import Markup, escape

from adapters.messages.addresses import tel
from adapters.messages.specialties import specialty_name
from adapters.messages.visit import Language
from domain.documents import timestamp
from domain.durations import parse_duration
from domain.zones import zone_named

ACCUSATIVE = {"среда": "среду", "пятница": "пятницу", "суббота": "субботу"}
"""Of the Russian days those that are another word then."""


class Wording:
    """The filters and functions of the templates for one language."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._locale = language.value

    def day(self, instant: date) -> str:
        """пятница, 27 ноября"""
        return format_date(instant, "EEEE, d MMMM", locale=self._locale)

    def on_day(self, instant: date) -> str:
        """пятницу, 27 ноября: as in «записаться на пятницу»"""
        named = self.day(instant)
        weekday = named.split(",")[0]
        return named.replace(weekday, ACCUSATIVE.get(weekday, weekday))

    def weekday(self, instant: date) -> str:
        """пт"""
        return format_date(instant, "EEE", locale=self._locale)

    def weekday_of(self, number: int) -> str:
        """пт: of 1 for Monday to 7"""
        return self.weekday(date(2024, 1, number))  # which began on a Monday

    def long_weekday_of(self, number: int) -> str:
        """пятница: of 1 for Monday to 7"""
        return format_date(date(2024, 1, number), "cccc", locale=self._locale)

    def short_day(self, instant: date) -> str:
        """пт, 27 нояб."""
        return format_date(instant, "EEE, d MMM", locale=self._locale)

    def birth_date(self, born: date) -> str:
        """7 Mar 1985: what tells namesakes apart."""
        return format_date(born, "medium", locale=self._locale)

    def month_day(self, instant: date) -> str:
        """27 ноября"""
        return format_date(instant, "d MMMM", locale=self._locale)

    def dated(self, day: date) -> str:
        """27 November 2026, as each language has it."""
        return format_date(day, "long", locale=self._locale)

    def month_year(self, day: date) -> str:
        """November 2026"""
        return format_date(day, "LLLL y", locale=self._locale)

    def day_before(self, local: datetime) -> datetime:
        return local - timedelta(days=1)

    def month(self, instant: date) -> str:
        """нояб."""
        return format_date(instant, "LLL", locale=self._locale)

    def duration(self, written: str) -> str:
        """3 days, 2 hours 30 minutes: of one in ISO 8601."""
        length = parse_duration(written)
        hours, minutes = divmod(length.seconds // 60, 60)
        named = (
            (length.months, "duration-month"),
            (length.days, "duration-day"),
            (hours, "duration-hour"),
            (minutes, "duration-minute"),
        )
        said = (format_unit(many, unit, locale=self._locale) for many, unit in named if many)
        return " ".join(said) or written

    def time(self, local: datetime) -> str:
        """10:30, in both languages: clinics do not say half past ten in the evening twice.

        A time that the clocks show twice that night says which of the two: 01:30 (UTC+1).
        """
        shown = format_time(local, "HH:mm", locale=self._locale)
        return f"{shown} ({offset(local)})" if _comes_twice(local) else shown

    def city(self, zone: str) -> str:
        """Москва: whose wall clock a time is told by."""
        try:
            return get_timezone_location(zone, locale=self._locale, return_city=True)
        except LookupError:  # a zone that has no place, or that no list of places has
            return zone

    def specialty(self, specialty: str) -> str:
        name = specialty_name(specialty, self._language)
        return name[:1].upper() + name[1:]


def at_clinic(instant: datetime, zone: str) -> datetime:
    return instant.astimezone(zone_named(zone))


def local_time(written: str, zone: str) -> datetime:
    """Of an instant as documents have it."""
    return at_clinic(datetime.fromisoformat(written), zone)


def minutes(seconds: float) -> int:
    """Whole ones, at least one."""
    return max(1, ceil(seconds / 60))


def _comes_twice(local: datetime) -> bool:
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def offset(local: datetime) -> str:
    """UTC+3, UTC+5:30, UTC-3: as people write it."""
    minutes = (local.utcoffset() or timedelta()) // timedelta(minutes=1)
    hours, rest = divmod(abs(minutes), 60)
    sign = "\N{MINUS SIGN}" if minutes < 0 else "+"
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")


def utc(instant: datetime) -> str:
    """2026-11-30 09:00:05 UTC: one notation for whoever compares with logs and runs."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def capital(text: str) -> str:
    """The first letter large, the others as they are."""
    return text[:1].upper() + text[1:]


def short_code(appointment_id: object) -> str:
    """What a patient reads out on the telephone; the messages say the same."""
    return str(appointment_id)[:8].upper()


def last_digits(phone: str) -> str:
    """Four of them: enough to tell namesakes apart, too few to call anybody."""
    return re.sub(r"\D", "", phone)[-4:]


def in_halves(code: str) -> str:
    """1A2B 3C4D: as it is said on the telephone."""
    return f"{code[:4]} {code[4:]}"


def code_marked(text: str) -> Markup:
    """What stands between backticks, as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704


FILTERS = {
    "code_marked": code_marked,
    "at_clinic": at_clinic,
    "local_time": local_time,
    "offset": offset,
    "capital": capital,
    "tel": tel,
    "short_code": short_code,
    "instant": timestamp,
    "in_halves": in_halves,
    "last_digits": last_digits,
    "utc": utc,
}
