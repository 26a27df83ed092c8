"""What the page of an import says: how far it is, and why a row was not taken."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.postgres.directory import Clinic
from adapters.postgres.imports import Import
from domain.imports import Kind

LISTED = 100
"""Rows of one list on one page; it leads on where it is cut."""

COLUMN = re.compile(r"([A-Za-z_.]+): (.*)")
OPEN_ENDED = ("must be one of ", "missing: ", "the appointment is ")
"""What follows these is a list or a name, which the words of the page repeat as it is."""
OURS = re.compile(r"(?<![\w-])\d[\dT:-]*")


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a row was not taken: its column, a sentence with `#` for what varies, and what varies."""

    column: str
    sentence: str
    varying: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Told:
    """A row of a report; `appointment_id` of one that lies on another appointment."""

    line: int
    reason: Reason | None = None
    appointment_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImportPage:
    """An import, and a part of its two lists; null where a list does not lead on."""

    found: Import
    clinic: Clinic
    refused: list[Told]
    more_refused: int | None
    overlaps: list[Told]
    more_overlaps: int | None


def page_of(found: Import, clinic: Clinic, *, refused: int, overlaps: int) -> ImportPage:
    """The lists from these places on."""
    report = found.report
    some = [
        Told(line=int(str(each["line"])), reason=reason_of(str(each["reason"])))
        for each in report.refused[refused : refused + LISTED]
    ]
    others = [
        Told(line=int(str(each["line"])), appointment_id=str(each["appointmentId"]))
        for each in report.overlaps[overlaps : overlaps + LISTED]
    ]
    return ImportPage(
        found=found,
        clinic=clinic,
        refused=some,
        more_refused=_further(refused, len(report.refused)),
        overlaps=others,
        more_overlaps=_further(overlaps, len(report.overlaps)),
    )


def reason_of(written: str) -> Reason:
    """As the pages say it in their own words; what they do not know they repeat."""
    named = COLUMN.fullmatch(written)
    column, sentence = named.groups() if named else ("", written)
    for opening in OPEN_ENDED:
        before, found, rest = sentence.partition(opening)
        if found:
            name, _, tail = rest.partition(" ") if rest.endswith(" here") else (rest, "", "")
            closing = f" {tail}" if tail else ""
            return Reason(column=column, sentence=f"{before}{found}#{closing}", varying=[name])
    return Reason(column=column, sentence=OURS.sub("#", sentence), varying=OURS.findall(sentence))


def kind_of(content: bytes) -> Kind:
    """A line of FHIR is an object of JSON; a table is not."""
    is_json = content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    return Kind.FHIR if is_json else Kind.CSV


def _further(begun: int, count: int) -> int | None:
    return begun + LISTED if begun + LISTED < count else None
