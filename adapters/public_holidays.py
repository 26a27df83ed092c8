"""Public holidays of a country, to be offered to a clinic: no booking ever looks here."""

from dataclasses import dataclass
from datetime import date

import holidays
from babel.core import get_global

from adapters.messages.visit import Language

NOWHERE = "ZZ"
"""In the tables of CLDR."""

LOCALES = {Language.RU: "ru", Language.EN: "en_US"}


@dataclass(frozen=True, kw_only=True)
class PublicHoliday:
    """In the language that was asked for, where the country's holidays have a name in it."""

    day: date
    name: str


def country_of_zone(time_zone: str) -> str | None:
    """The country of a time zone's place; null for a zone without one."""
    found = get_global("zone_territories").get(time_zone, NOWHERE)
    return None if found == NOWHERE else str(found)


def public_holidays(
    country: str | None, first: date, last: date, language: Language
) -> list[PublicHoliday]:
    """Those of the days from `first` to `last`; none of a country that nobody has listed."""
    if country not in holidays.list_supported_countries():
        return []
    years = range(first.year, last.year + 1)
    listed = holidays.country_holidays(country, years=years, language=LOCALES[language])
    return [
        PublicHoliday(day=day, name=name)
        for day, name in sorted(listed.items())
        if first <= day <= last
    ]
