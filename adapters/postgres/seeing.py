"""Whose records a transaction sees: nobody's, unless it says so (row-level security).

Said for one transaction at a time: a connection goes from caller to caller, also where a pooler
stands in between. Statements that name nobody read the view `patient_facts` and say nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from domain.permissions import Visible


@dataclass(frozen=True, kw_only=True)
class Sees:
    """Everybody, or these patients and those with a visit to this practitioner."""

    everybody: bool = False
    patient_ids: frozenset[UUID] = frozenset()
    practitioner_ids: frozenset[UUID] = frozenset()

    @classmethod
    def just(cls, patient_ids: Collection[UUID]) -> Self:
        return cls(patient_ids=frozenset(patient_ids))

    @classmethod
    def as_visible(cls, rows: Visible) -> Self:
        """A right to records, as the database is told of it."""
        return cls(
            everybody=rows.everything,
            patient_ids=rows.patient_ids,
            practitioner_ids=rows.practitioner_ids,
        )


EVERYBODY = Sees(everybody=True)
"""What works for all patients sees: messages, imports."""


def begin(sees: Sees | None, *, isolation: str = "READ COMMITTED") -> bytes:
    """The beginning of a transaction, all in one message."""
    said = f"BEGIN ISOLATION LEVEL {isolation}"
    if sees is None:
        return said.encode()
    whom = "*" if sees.everybody else _listed(sees.patient_ids)
    said += f"; SET LOCAL priyom.sees = '{whom}'"
    if sees.practitioner_ids and not sees.everybody:
        said += f"; SET LOCAL priyom.sees_days_of = '{_listed(sees.practitioner_ids)}'"
    return said.encode()


def _listed(ids: Collection[UUID]) -> str:
    return ",".join(str(each) for each in ids)
