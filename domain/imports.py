"""Rows of another system's file: what each says, or why it says nothing."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Protocol
from zoneinfo import ZoneInfo

from domain.fhir import cells_of_fhir
from domain.plan import instant_of

COLUMNS = (
    *("external_id", "doctor", "starts_at", "ends_at"),
    *("patient_name", "patient_phone", "patient_email", "status"),
)
REQUIRED = COLUMNS[:5]
STATUSES = ("confirmed", "cancelled", "arrived", "completed", "no_show")
LONGEST = timedelta(hours=8)
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
LONGEST_TEXT = 200
CALENDARS_ENDS = (MINYEAR, MAXYEAR)
"""What some systems write for a time that is none; much of it has no time in UTC."""
DATE_ALONE = len("2027-03-01")
LONGEST_FIELD = 16 * 1024 * 1024

UNREAD_FROM_HERE = "is not read from here on; import the file again"
"""Why the rest of a file is not taken that nobody reads any more."""


class Kind(StrEnum):
    """Of a file, by its media type."""

    CSV = "text/csv"
    FHIR = "application/fhir+ndjson"


@dataclass(frozen=True, kw_only=True)
class Visit:
    """An appointment of the other system; `doctor` is an id or a full name."""

    line: int
    external_id: str
    doctor: str
    starts_at: datetime
    ends_at: datetime
    name: str
    phone: str
    email: str
    status: str
    stamp: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Opening:
    """A time that the other system offers; one that it does not offer says nothing."""

    line: int
    doctor: str
    starts_at: datetime
    ends_at: datetime
    is_free: bool


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """A row that cannot be taken, and what to do about it. It repeats nothing of the row."""

    line: int
    reason: str


Row = Visit | Opening | Wrong


class BadFile(Exception):
    """The file as a whole is not what it is said to be; the message says why."""


def refuse_bad_file(content: bytes, kind: Kind) -> None:
    """Raises `BadFile` for what `rows_of` could not read."""
    written = _decoded(content)
    if kind is Kind.CSV:
        _names_in(_reader(written))


class CsvReader(Protocol):
    """What `csv.reader` gives; the type's own name is a private one."""

    @property
    def line_num(self) -> int: ...
    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


def rows_of(content: bytes, kind: Kind, zone: ZoneInfo) -> list[Row]:
    """Every row; the second of one external id is wrong. Times without an offset are `zone`'s."""
    read = _csv if kind is Kind.CSV else _ndjson
    return list(_once(read(_decoded(content), zone)))


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadFile("must be UTF-8") from None


def _once(rows: Iterator[Row]) -> Iterator[Row]:
    seen: dict[str, int] = {}
    for row in rows:
        if isinstance(row, Visit) and row.external_id in seen:
            where = seen[row.external_id]
            yield Wrong(line=row.line, reason=f"external_id: stands on line {where} already")
            continue
        if isinstance(row, Visit):
            seen[row.external_id] = row.line
        yield row


def _csv(written: str, zone: ZoneInfo) -> Iterator[Row]:
    reader = _reader(written)
    names = _names_in(reader)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _checked(reader.line_num, partial(_of_csv, names, cells), zone)
    except csv.Error:
        yield Wrong(line=reader.line_num, reason="is no CSV from here on: a quote is not closed")


def _reader(written: str) -> CsvReader:
    csv.field_size_limit(LONGEST_FIELD)
    head = written.split("\n", 1)[0]
    delimiter = ";" if head.count(";") > head.count(",") else ","
    return csv.reader(io.StringIO(written, newline=""), delimiter=delimiter, strict=True)


def _names_in(reader: CsvReader) -> list[str]:
    try:
        names = [name.strip().lower() for name in next(reader, [])]
    except csv.Error:
        names = []
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise BadFile(f"the first line must name the columns; missing: {', '.join(missing)}")
    return names


def _of_csv(names: list[str], cells: list[str]) -> Mapping[str, str]:
    if len(cells) != len(names):
        raise ValueError(f"has {len(cells)} columns, and the first line {len(names)}")
    return dict(zip(names, (cell.strip() for cell in cells), strict=True))


def _ndjson(written: str, zone: ZoneInfo) -> Iterator[Row]:
    for line, each in enumerate(written.splitlines(), 1):
        if each.strip():
            yield _checked(line, partial(cells_of_fhir, each), zone)


def _checked(line: int, read: Callable[[], Mapping[str, str]], zone: ZoneInfo) -> Row:
    try:
        return _row(line, read(), zone)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        told = str(error) if type(error) is ValueError else "is not of the form of a resource"
        return Wrong(line=line, reason=told)


def _row(line: int, cells: Mapping[str, str], zone: ZoneInfo) -> Row:
    doctor = _said(cells, "doctor")
    starts_at = _instant(_said(cells, "starts_at"), "starts_at", zone)
    ends_at = _instant(_said(cells, "ends_at"), "ends_at", zone)
    if not timedelta() < ends_at - starts_at <= LONGEST:
        raise ValueError("ends_at: must be after starts_at, by eight hours at most")
    if cells.get("resource") == "Slot":
        is_free = cells["status"] == "free"
        return Opening(
            line=line, doctor=doctor, starts_at=starts_at, ends_at=ends_at, is_free=is_free
        )
    status = cells.get("status", "").lower() or "confirmed"
    if status not in STATUSES:
        raise ValueError(f"status: must be one of {', '.join(STATUSES)}")
    email = cells.get("patient_email", "")
    if email and not _is_address(email):
        raise ValueError("patient_email: is no e-mail address; leave it empty where there is none")
    stamp = cells.get("stamp")
    return Visit(
        line=line,
        external_id=_said(cells, "external_id"),
        doctor=doctor,
        starts_at=starts_at,
        ends_at=ends_at,
        name=_said(cells, "patient_name"),
        phone=cells.get("patient_phone", ""),
        email=email,
        status=status,
        stamp=_instant(stamp, "meta.lastUpdated", zone) if stamp else None,
    )


def _said(cells: Mapping[str, str], name: str) -> str:
    value = cells.get(name, "")
    if not value:
        raise ValueError(f"{name}: is missing")
    if len(value) > LONGEST_TEXT or not value.isprintable():
        raise ValueError(f"{name}: must be {LONGEST_TEXT} printable characters at most")
    return value


def _is_address(email: str) -> bool:
    """PostgreSQL keeps no NUL, and no half of a letter, which JSON can write."""
    if len(email) > LONGEST_TEXT or not email.isprintable():
        return False
    return email.count("@") == 1 and " " not in email and email.strip("@") == email


def _instant(value: str, name: str, zone: ZoneInfo) -> datetime:
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        found = None
    if found is None or len(value) <= DATE_ALONE:
        raise ValueError(f"{name}: must be a date and a time, as 2027-03-01T09:00")
    if found.year in CALENDARS_ENDS or not EARLIEST <= (instant := _in_utc(found, zone)) < LATEST:
        raise ValueError(f"{name}: must be in the years 2000 to 2099")
    return instant


def _in_utc(found: datetime, zone: ZoneInfo) -> datetime:
    return instant_of(found, zone) if found.tzinfo is None else found.astimezone(UTC)
