"""Cursors of lists in the order of names, opaque to the caller."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

import orjson

from adapters.postgres.directory import After
from api.http.problems import Malformed

NOBODY = UUID(int=0)
LONGEST = 32_000
"""Far more than any name takes: a cursor that we gave is one that we take."""


def cursor_after(name: str, key: UUID = NOBODY, *, of: str) -> str:
    """`of` names the list, so that no other list takes the cursor."""
    return urlsafe_b64encode(orjson.dumps([of, name, str(key)])).decode()


def place_after(cursor: str | None, *, of: str) -> After | None:
    """Where the page before ended. Raises `Malformed` for what is no cursor of this list."""
    if cursor is None:
        return None
    try:
        _, name, key = orjson.loads(urlsafe_b64decode(cursor[:LONGEST].encode("ascii")))
        place = After(name=name, id=UUID(key))
        if "\0" not in name and cursor_after(place.name, place.id, of=of) == cursor:
            return place
    except (ValueError, TypeError, AttributeError):
        pass
    raise Malformed("cursor", "must be `next` of an earlier page")
