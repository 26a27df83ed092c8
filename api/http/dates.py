"""Calendar dates of a request: the local ones of a clinic."""

import re
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from api.http.schemas import FIRST_YEAR, LAST_YEAR

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def parse_date(value: object) -> date:
    """A calendar date of the years 2000 to 2100, as YYYY-MM-DD and in no other form."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("must be a date, as 2027-03-01")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a date that exists") from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")
    return day


LocalDate = Annotated[
    date,
    BeforeValidator(parse_date),
    WithJsonSchema({"type": "string", "format": "date"}),
]
