"""Dates, times and zones in the patient's language, by the clinic's wall clock."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from babel.dates import format_datetime, get_timezone_location
from babel.units import format_unit

from adapters.messages.visit import Visit
from domain.zones import zone_named


@dataclass(frozen=True, kw_only=True)
class When:
    """One visit's time, written out: `day` вторник, 24 ноября 2026 · `time` 10:30 · `short` 24.11.

    `lasts` 30 минут · `before` 23 ноября, 09:00, or nothing where it was not moved · `answer`, by
    which an offer is to be answered, the same.
    """

    day: str
    time: str
    until: str
    lasts: str
    short: str
    zone: str
    offset: str
    before: str
    answer: str


def when(visit: Visit) -> When:
    start, language = visit.local_start, visit.language.value
    return When(
        day=format_datetime(start, "EEEE, d MMMM y", locale=language),
        time=format_datetime(start, "HH:mm", locale=language),
        until=_until(visit),
        lasts=format_unit(_minutes(visit), "duration-minute", "long", locale=language),
        short=format_datetime(start, "d MMM" if language == "en" else "dd.MM", locale=language),
        zone=get_timezone_location(visit.time_zone, locale=language, return_city=True),
        offset=_offset(start),
        before=_day_and_time(visit.moved_from, visit) if visit.moved_from else "",
        answer=_day_and_time(visit.offer.until, visit) if visit.offer else "",
    )


def _day_and_time(instant: datetime, visit: Visit) -> str:
    local = instant.astimezone(zone_named(visit.time_zone))
    return format_datetime(local, "d MMMM, HH:mm", locale=visit.language.value)


def _minutes(visit: Visit) -> int:
    return (visit.ends_at - visit.starts_at) // timedelta(minutes=1)


def _offset(instant: datetime) -> str:
    """UTC+3, UTC+5:30, UTC-3: as people write it."""
    minutes = (instant.utcoffset() or timedelta()) // timedelta(minutes=1)
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")


def _until(visit: Visit) -> str:
    """With its own offset where the clocks change during the visit."""
    end = visit.local_end
    clock = f"{end:%H:%M}"
    return clock if _offset(end) == _offset(visit.local_start) else f"{clock} ({_offset(end)})"


TITLES = (
    *("dr", "doctor", "prof", "professor", "mr", "mrs", "ms", "miss", "sir"),
    *("доктор", "д-р", "врач", "проф", "профессор"),  # noqa: RUF001 - Cyrillic
)
PARTICLES = (
    *("van", "von", "der", "den", "de", "del", "della", "di", "da", "dos", "du", "la", "le"),
    *("bin", "ibn", "al", "el", "ter", "ten", "zu", "af", "av"),
)


def without_title(full_name: str) -> str:
    """A name that is all title stays as it is."""
    words = full_name.split()
    kept = [word for word in words if word.rstrip(".").casefold() not in TITLES]
    return " ".join(kept or words)


def surname_and_initials(full_name: str) -> str:
    """The surname whole, the other names by their first letter; a single name stays.

    Cyrillic names begin with the surname, Latin ones end with it; the order of others is unknown.
    """
    words = without_title(full_name).split()
    if words and _is_of("CYRILLIC", full_name):
        return " ".join([words[0], *(f"{word[0]}." for word in words[1:])])
    if not words or not _is_of("LATIN", full_name):
        return " ".join(words)
    at = next((n for n, word in enumerate(words[1:], 1) if word.casefold() in PARTICLES), None)
    at = len(words) - 1 if at is None else at
    return " ".join([*(f"{word[0]}." for word in words[:at]), *words[at:]])


def given_names(full_name: str) -> str:
    """How a Russian letter greets: Иванов Пётр Алексеевич is greeted as Пётр Алексеевич."""
    words = without_title(full_name).split()
    has_surname_first = len(words) > 1 and _is_of("CYRILLIC", full_name)
    return " ".join(words[1:] if has_surname_first else words)


def _is_of(script: str, name: str) -> bool:
    letters = [letter for letter in name if letter.isalpha()]
    return bool(letters) and all(unicodedata.name(each, "").startswith(script) for each in letters)


def isolated(text: str) -> str:
    """A text of right-to-left letters keeps its direction to itself (UAX 9, 2.7)."""
    if any(map(_is_right_to_left, text)):
        return f"\u2068{text}\u2069"
    return text


@lru_cache(maxsize=1000)
def _is_right_to_left(letter: str) -> bool:
    return unicodedata.bidirectional(letter) in {"R", "AL", "RLE", "RLO"}
