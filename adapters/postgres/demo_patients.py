"""Patients whom anybody may be until there is sign-in: those whose address is made up."""

import re
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, String, cast, exists, func, literal, or_, select, text

from adapters.postgres.database import Connection
from adapters.postgres.folding import folded
from adapters.postgres.tables import patients, schedules
from domain.spelling import in_the_other_alphabet, with_one_slip

MANY_WORDS = 8
SHORTEST_NUMBER = 4
CODE = re.compile("[0-9a-f]{8}")
"""What pages and letters call the number of a booking."""


@dataclass(frozen=True, kw_only=True)
class DemoPatient:
    """Somebody who does not exist; `mark` tells namesakes apart: the telephone's last digits."""

    patient_id: UUID
    name: str
    mark: str = ""


# RFC 2606 keeps these domains for examples: no living patient can have such an address, so a
# clinic without demo patients has nobody to be chosen.
MADE_UP = "split_part(email, '@', 2) IN ('example.org', 'example.com')"

ONE = text(f"SELECT id, full_name FROM patients WHERE id = :id AND {MADE_UP}")  # noqa: S608
SOME = text(f"SELECT id, full_name FROM patients WHERE {MADE_UP} ORDER BY id LIMIT :limit")  # noqa: S608


async def demo_patient(connection: Connection, patient_id: UUID) -> DemoPatient | None:
    row = (await connection.execute(ONE, {"id": patient_id})).one_or_none()
    return None if row is None else DemoPatient(patient_id=row.id, name=row.full_name)


async def demo_patients(connection: Connection, *, limit: int) -> list[DemoPatient]:
    """The same ones every time."""
    rows = await connection.execute(SOME, {"limit": limit})
    return [DemoPatient(patient_id=row.id, name=row.full_name) for row in rows]


async def demo_patients_named(
    connection: Connection, sought: str, *, limit: int
) -> list[DemoPatient]:
    """Those whom every word names: a part of the name in either alphabet, digits of the telephone,
    the number of a booking; blanks in a telephone part nothing. Only where nobody is found, one
    letter of each word may be wrong.
    """
    words = sought.split()[:MANY_WORDS]
    if not any(letter.isalpha() for letter in sought):
        words = ["".join(words)] if words else []
    if not words:
        return []
    found = await _who(connection, [is_named(word) for word in words], limit)
    return found or await _who(connection, [is_nearly_named(word) for word in words], limit)


async def _who(
    connection: Connection, conditions: list[ColumnElement[bool]], limit: int
) -> list[DemoPatient]:
    wanted = (
        select(patients.c.id, patients.c.full_name, func.right(DIGITS, 4).label("mark"))
        .where(text(MADE_UP), *conditions)
        .order_by(folded(patients.c.full_name), patients.c.full_name, patients.c.id)
        .limit(limit)
    )
    rows = await connection.execute(wanted)
    return [DemoPatient(patient_id=row.id, name=row.full_name, mark=row.mark) for row in rows]


NAME = folded(patients.c.full_name)
DIGITS: ColumnElement[str] = func.regexp_replace(patients.c.phone, r"\D", "", "g")


def is_named(word: str) -> ColumnElement[bool]:
    spellings = dict.fromkeys([word, in_the_other_alphabet(word)])
    ways = [func.strpos(NAME, folded(literal(each))) > 0 for each in spellings]
    number = re.sub(r"\D", "", word)
    if len(number) >= SHORTEST_NUMBER:
        ways.append(func.strpos(DIGITS, number) > 0)
    if CODE.fullmatch(word.lower()):
        ways.append(_has_booked(word.lower()))
    return or_(*ways)


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
