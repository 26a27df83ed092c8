"""Whom a word names: a part of the name, digits of the telephone, the number of a booking."""

import re

from sqlalchemy import ColumnElement, String, cast, exists, func, literal, or_

from adapters.postgres.folding import folded
from adapters.postgres.tables import patients, schedules
from domain.spelling import in_the_other_alphabet, with_one_slip

SHORTEST_NUMBER = 4
AS_DIALLED = re.compile(r"^(8(?=\d{10}$)|00?(?=\d{8}))")
"""What stands before a whole number where it is dialled: 8 in Russia, 0 elsewhere, 00 abroad."""
CODE = re.compile("[0-9a-f]{8}")
"""What pages and letters call the number of a booking."""

NAME = folded(patients.c.full_name)
DIGITS: ColumnElement[str] = func.regexp_replace(patients.c.phone, r"\D", "", "g")


def is_named(word: str) -> ColumnElement[bool]:
    spellings = dict.fromkeys([word, in_the_other_alphabet(word)])
    ways = [func.strpos(NAME, folded(literal(each))) > 0 for each in spellings]
    number = "" if any(map(str.isalpha, word)) else re.sub(r"\D", "", word)
    if len(number) >= SHORTEST_NUMBER:
        ways.extend(func.strpos(DIGITS, each) > 0 for each in _as_kept(number))
    if CODE.fullmatch(word.lower()):
        ways.append(_has_booked(word.lower()))
    return or_(*ways)


def _as_kept(number: str) -> list[str]:
    """As it was typed; one that is dialled at home, or from abroad, without what it begins with."""
    without = AS_DIALLED.sub("", number)
    return [number] if without == number else [number, without]


def _has_booked(code: str) -> ColumnElement[bool]:
    """Of the many bookings those whose id begins so: a stretch of the index by ids."""
    first = cast(literal(f"{code}-0000-0000-0000-000000000000"), schedules.c.id.type)
    last = cast(literal(f"{code}-ffff-ffff-ffff-ffffffffffff"), schedules.c.id.type)
    return exists().where(
        schedules.c.patient_id == patients.c.id, schedules.c.id.between(first, last)
    )


def is_nearly_named(word: str) -> ColumnElement[bool]:
    spellings = [with_one_slip(each) for each in (word.lower(), in_the_other_alphabet(word))]
    return NAME.regexp_match(cast(literal("|".join(spellings)), String))
