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
SELECT w.nth, folded(w.called) AS called, p.*, folded(p.full_name) AS here
FROM unnest(CAST(%(names)s AS text[]), CAST(%(ids)s AS uuid[]))
    WITH ORDINALITY AS w (called, id, nth)
LEFT JOIN several_known_as(
    CAST(%(names)s AS text[]), CAST(%(phones)s AS text[]), CAST(%(emails)s AS text[])
) AS k ON k.nth = w.nth
LEFT JOIN LATERAL (
    SELECT id, full_name, phone, email FROM patients WHERE id = coalesce(w.id, k.id) OFFSET 0
) AS p ON true
""")

Person = tuple[str, str | None, str | None]
"""As a row says it: the name, the telephone, the e-mail."""

NOBODY = (None, None)
"""Whom no telephone and no e-mail reaches: two of one name need not be one person."""

Asked = tuple[Person, UUID | None]
"""A person, and whose the visit is where it was imported before."""

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
    before: tuple[str | None, str | None] = NOBODY

    @property
    def is_filled(self) -> bool:
        return not self.is_new and (self.phone, self.email) != self.before


class People:
    """Whom the rows so far are about; a row meets those of the rows before it."""

    def __init__(self) -> None:
        self._rows: dict[Asked, Row] = {}
        self._by_id: dict[UUID, Patient] = {}
        self._by_key: dict[Key, Patient] = {}

    async def look_for(self, cursor: Cursor, people: Collection[Asked]) -> None:
        """Before they are met: all at once."""
        reached = [each for each in people if each[0][1:] != NOBODY]
        asked = {
            "names": [name for (name, _, _), _ in reached],
            "phones": [phone for (_, phone, _), _ in reached],
            "emails": [email for (_, _, email), _ in reached],
            "ids": [whose for _, whose in reached],
        }
        rows = await cursor.all(PEOPLE, asked) if reached else []
        self._rows = {reached[row["nth"] - 1]: row for row in rows}

    def meet(self, person: Person, whose: UUID | None) -> tuple[Patient, bool]:
        """The patient that there is, here or in a row before, or a new one; did the row fill it?

        `whose` visit was imported before is filled by a row of the same name only.
        """
        name, phone, email = person
        found = self._rows.get((person, whose))
        if found is None or (whose and found["here"] != found["called"]):
            return Patient(id=whose or uuid4(), name=name, is_new=whose is None), False
        known = self._known(found) or next(
            (
                self._by_key[key]
                for key in _keys(found["called"], phone, email)
                if key in self._by_key
            ),
            None,
        )
        patient = known or Patient(id=uuid4(), name=name, is_new=True)
        had = patient.phone, patient.email
        patient.phone, patient.email = patient.phone or phone, patient.email or email
        for key in _keys(found["called"], patient.phone, patient.email):
            self._by_key.setdefault(key, patient)
        return patient, (patient.phone, patient.email) != had

    def _known(self, found: Row) -> Patient | None:
        if found["id"] is None:
            return None
        name, phone, email = found["full_name"], found["phone"], found["email"]
        record = Patient(id=found["id"], name=name, phone=phone, email=email, before=(phone, email))
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
