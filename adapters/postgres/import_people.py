"""Whom the rows of an import are about: patients that there are, and those whom rows make."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

from psycopg.sql import SQL

from adapters.messages.phones import BadPhone, e164
from adapters.postgres.direct import Cursor
from adapters.postgres.rows import Row
from domain.imports import Visit

# A look at each record alone, as at the spans of import_rows.py.
PEOPLE = SQL("""
SELECT w.nth, folded(w.called) AS called, p.*
FROM unnest(CAST(%(names)s AS text[])) WITH ORDINALITY AS w (called, nth)
LEFT JOIN several_known_as(
    CAST(%(names)s AS text[]), CAST(%(phones)s AS text[]), CAST(%(emails)s AS text[])
) AS k ON k.nth = w.nth
LEFT JOIN LATERAL (
    SELECT id, full_name, phone, email FROM patients WHERE id = k.id OFFSET 0
) AS p ON true
""")

Person = tuple[str, str | None, str | None]
"""As a row says it: the name, the telephone, the e-mail."""

NOBODY = (None, None)
"""Whom no telephone and no e-mail reaches: two of one name need not be one person."""

Key = tuple[str, str, str]
"""The folded name and one way to reach who has it: by either a person is known."""


@dataclass(kw_only=True)
class Patient:
    """A record as the rows so far leave it: they fill what is empty there."""

    id: UUID
    name: str
    phone: str | None = None
    email: str | None = None
    is_new: bool = False


class People:
    """Whom the rows so far are about; a row meets those of the rows before it."""

    def __init__(self) -> None:
        self._rows: dict[Person, Row] = {}
        self._by_id: dict[UUID, Patient] = {}
        self._by_key: dict[Key, Patient] = {}

    async def look_for(self, cursor: Cursor, people: Collection[Person]) -> None:
        """Before they are met: all at once."""
        reached = [each for each in people if each[1:] != NOBODY]
        asked = {
            "names": [name for name, _, _ in reached],
            "phones": [phone for _, phone, _ in reached],
            "emails": [email for _, _, email in reached],
        }
        rows = await cursor.all(PEOPLE, asked) if reached else []
        self._rows = {reached[row["nth"] - 1]: row for row in rows}

    def meet(self, person: Person) -> Patient:
        """The patient that there is, here or in a row before, or a new one."""
        name, phone, email = person
        found = self._rows.get(person)
        if found is None:
            return Patient(id=uuid4(), name=name, is_new=True)
        known = self._known(found) or next(
            (
                self._by_key[key]
                for key in _keys(found["called"], phone, email)
                if key in self._by_key
            ),
            None,
        )
        patient = known or Patient(id=uuid4(), name=name, is_new=True)
        patient.phone, patient.email = patient.phone or phone, patient.email or email
        for key in _keys(found["called"], patient.phone, patient.email):
            self._by_key.setdefault(key, patient)
        return patient

    def _known(self, found: Row) -> Patient | None:
        if found["id"] is None:
            return None
        record = Patient(
            id=found["id"], name=found["full_name"], phone=found["phone"], email=found["email"]
        )
        return self._by_id.setdefault(record.id, record)


def person_of(visit: Visit, country: str) -> Person:
    """Raises `ValueError` for what is no number; one without a country code is of `country`."""
    try:
        phone = e164(visit.phone, country=country) if visit.phone else None
    except BadPhone:
        raise ValueError(
            "patient_phone: is no telephone number; leave it empty where there is none"
        ) from None
    return visit.name, phone, visit.email or None


def _keys(called: str, phone: str | None, email: str | None) -> Iterator[Key]:
    if phone:
        yield called, "phone", phone
    if email:
        yield called, "email", email.lower()
