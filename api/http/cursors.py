"""Pages of a list: how long they may be, and cursors, opaque to the caller, of where one ended."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import BeforeValidator

from api.http.problems import Malformed

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(2102, 1, 1, tzinfo=UTC)
"""Nothing that is listed is so late: behind it there would soon be no days to reckon with."""
_MICROSECOND = timedelta(microseconds=1)
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,9}")


def parse_whole(value: object) -> object:
    """A number of the query in the one form that everybody reads alike: no `1_0`, no `+5`."""
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise ValueError("must be a whole number")
    return value


Limit = Annotated[
    int,
    BeforeValidator(parse_whole),
    Query(ge=1, le=100, description="how many items a page has at most"),
]
Cursor = Annotated[str | None, Query(description="`next` of the page before")]


@dataclass(frozen=True, kw_only=True)
class Place:
    """The last row of a page that is ordered by instant and id."""

    instant: datetime
    id: UUID


def cursor_of(place: Place, *, of: str) -> str:
    """`of` names the list: a cursor of another one, or of another person's, is none of it."""
    micros = (place.instant - EPOCH) // _MICROSECOND
    mark = sha256(of.encode()).digest()[:3]
    return urlsafe_b64encode(micros.to_bytes(8, signed=True) + place.id.bytes + mark).decode()


def place_of(cursor: str | None, *, of: str) -> Place | None:
    if cursor is None:
        return None
    try:
        packed = urlsafe_b64decode(cursor.encode("ascii"))
        instant = EPOCH + int.from_bytes(packed[:8], signed=True) * _MICROSECOND
        place = Place(instant=instant, id=UUID(bytes=packed[8:24]))
    except (ValueError, OverflowError):
        raise Malformed("cursor", "must be `next` of an earlier page") from None
    if not EPOCH <= instant < LAST or cursor_of(place, of=of) != cursor:
        raise Malformed("cursor", "must be `next` of an earlier page")
    return place


def cursor_after_id(last: UUID, *, of: str) -> str:
    """Of a list in another order than time: where its last row stands, the database knows."""
    return cursor_of(Place(instant=EPOCH, id=last), of=of)


def id_after(cursor: str | None, *, of: str) -> UUID | None:
    place = place_of(cursor, of=of)
    return None if place is None else place.id


def cursor_of_line(line: int) -> str:
    """Of the audit trail, whose lines are numbered."""
    return cursor_after_id(UUID(int=line), of="audit")


def line_of(cursor: str | None) -> int | None:
    found = id_after(cursor, of="audit")
    if found is None:
        return None
    if found.int >= 2**63:
        raise Malformed("cursor", "must be `next` of an earlier page")
    return found.int
